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
    *("\x00", "\x01", "\x07", "\x7f", "\x80", "\x9f"),  # controls, which are dropped
    *("\x0b", "\x85"),  # controls that end a line
    *("\u034f", "\u3164", "\u2060", "\ufe00", "\U000e0100"),  # other characters without content
    *("蘋", "蘋果", "⾺", "乾"),  # Traditional, compatible with a Traditional one, left alone
    *("\u0378", "\uffff", "\U000e0001", "\U0010ffff", "\ufffd"),  # unassigned, noncharacters
)

texts = st.lists(st.sampled_from(HARD) | st.characters(codec="utf-8"), max_size=10).map("".join)
"""Short texts of hard code points and of any others; never a lone surrogate."""
