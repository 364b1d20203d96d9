"""Backup and restore of one CIRA: its tables, objects and key pepper (docs/decisions/0027-backup.md)."""
