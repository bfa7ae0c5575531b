"""The built-in CPU backend: a small server that speaks vLLM's HTTP API and reads pages with the tesseract command.

It stands alone: no Django, no database, nothing of `jobs` but this package. `python -m jobs.cpu_backend --port N`
starts it.
"""
