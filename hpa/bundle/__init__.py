"""A folder that carries everything a notebook without internet needs: wheels, weights, settings, notebook."""
