# syntax=docker/dockerfile:1
# Two stages: everything is installed in the first; the second holds the result, a user without rights, and no tools.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/songwright
ENV PATH=/opt/songwright/bin:$PATH
WORKDIR /src

# torch first, at the version that is tested, then the rest. Where pip's index offers a CPU build of it, point pip there
# (PIP_INDEX_URL or PIP_FIND_LINKS as build arguments): the default build brings gigabytes of CUDA.
ARG PIP_INDEX_URL
ARG PIP_FIND_LINKS
COPY constraints.txt pyproject.toml ./
RUN pip install "$(grep '^torch==' constraints.txt)"
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > wanted.txt \
    && pip install --constraint constraints.txt --requirement wanted.txt

COPY README.md LICENSE ./
COPY songwright songwright
COPY prompts prompts
COPY storage storage
COPY agents agents
COPY graphs graphs
COPY api api
COPY migrations migrations
RUN pip install --no-deps --constraint constraints.txt .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin songwright \
    && install --directory --owner=songwright --group=songwright /data
COPY --from=build /opt/songwright /opt/songwright
ENV PATH=/opt/songwright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    SONGWRIGHT_HOME=/data
WORKDIR /data
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=3)"]
CMD ["songwright", "serve"]
