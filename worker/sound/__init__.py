"""Audio as bytes: what it is, whether all of it is there, how it sounds. Knows no engine, no storage and no job."""
