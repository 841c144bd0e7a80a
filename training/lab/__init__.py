"""The laboratory: what recurrent cells can and cannot do, measured with this very code."""
