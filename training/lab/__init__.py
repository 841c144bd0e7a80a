"""The laboratory: experiments with this very code on what recurrent cells can and cannot do."""
