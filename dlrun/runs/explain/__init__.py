"""Why a run predicts what it does: what the parts of a row add to its prediction, and how much the columns matter."""
