"""The pages a person looks at; the service's own data, rendered from dataclasses."""
