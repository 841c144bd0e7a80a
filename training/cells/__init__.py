"""The recurrent cells of the field: one short file each, beside its equations and its source."""
