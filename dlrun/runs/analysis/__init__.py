"""What a trained model does on one split, row by row: curves, calibration, residuals, its worst mistakes, samples."""
