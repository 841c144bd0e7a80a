"""The recurrent cells of the field: one short file each, with its equations and its source."""
