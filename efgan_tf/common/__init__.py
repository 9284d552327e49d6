"""What every package uses: errors, settings, outputs, progress, sheets."""
