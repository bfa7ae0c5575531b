"""What a document becomes to be taken along: one module a kind of file, `jobs.services.exporting` in front of them."""
