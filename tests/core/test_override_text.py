from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.override_text import override_text


@given(st.text(st.sampled_from("ab1 /\\\"'(),.=[]{}-"), min_size=1, max_size=8).map(lambda text: f"/x{text}y"))
def test_a_folder_of_any_name_is_read_back(text):
    assert OverridesParser.create().parse_override(override_text("data.root", text)).value() == text
