"""Programs that use the service over HTTP; `frameworks` and `tagger` use the library instead."""
