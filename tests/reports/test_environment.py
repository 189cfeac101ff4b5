import platform

import numpy as np

from hpa.reports.environment import environment


def test_versions_are_those_that_run():
    facts = dict(environment(3, "abc"))
    assert facts["seed"] == "3"
    assert facts["commit"] == "abc"
    assert facts["Python"] == platform.python_version()
    assert facts["numpy"] == np.__version__


def test_seed_and_commit_are_left_out_where_not_known():
    assert not {"seed", "commit"} & dict(environment(None, None)).keys()
