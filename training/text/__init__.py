"""From files of text to shards of piece ids."""
