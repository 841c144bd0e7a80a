"""Texts that break tokenizers, as a Hypothesis strategy."""

from hypothesis import strategies as st

HARD = (
    *"我吃了一个苹果，病毒。ab09fi ",  # in the vocabulary and not, Chinese and Latin
    "苹果",  # one piece of two characters
    *("龘", "𠮷", "\U0002f800"),  # rare, outside the first plane, compatible with 丽
    *("Ａ", "ｐ", "１", "～", "\u3000", "ｶ", "ﾞ"),  # full and half width, combining halves
    *("ﬁ", "ﬃ", "…", "½", "㍻", "ﷺ", "①"),  # NFKC turns each into several code points
    *("é", "e\u0301", "\u0300", "\u0327", "\u0344", "क\u093c"),  # marks, composed and not
    *("가", "각", "ᄀ", "ᅡ", "ᆨ"),  # syllables, and the letters that compose them
    *("👍🏽", "❤\ufe0f", "👨‍👩‍👧", "🇨🇳", "\u200d", "\ufe0f"),  # modifiers, joiners, flags
    *("\t", "\n", "\r\n", "\u00a0", "\u200b", "\u2028", "\ufeff", "▁", "\u00ad"),  # blanks
    *("\x00", "\x01", "\x07", "\x7f", "\x9f"),  # controls; the normaliser drops all but NUL
    *("\u0378", "\uffff", "\U000e0001", "\U0010ffff", "\ufffd"),  # unassigned, noncharacters
)

texts = st.lists(st.sampled_from(HARD) | st.characters(codec="utf-8"), max_size=10).map("".join)
"""Short texts of hard code points and of any others; never a lone surrogate."""
