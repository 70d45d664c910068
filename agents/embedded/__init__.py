"""The embedded writer: songs from grammar, phonology and rhyme, without weights and without a network."""
