// The texts of the view Fill.

export default {
  en: {
    "title": "What may stand in the blank",
    "lead":
      "Two language models read the text from its two ends. Each predicts what is in the blank, and a third model combines what both have read.",
    "examples": "Examples",
    "text": "A text with one blank, written as two or more underscores",
    "num_pieces": "Pieces in the blank",
    "fill": "Fill",
    "forward": "From the left",
    "forward.note": "knows only what stands before the blank",
    "backward": "From the right",
    "backward.note": "knows only what stands after it",
    "cloze": "From both sides",
    "cloze.note": "knows both, and is right most often",
    "pick": "{piece} {probability}: put it in",
    "pick.hint":
      "Click a piece to put it into the text. A bar shows its probability among all pieces.",
    "pick.many":
      "Click a phrase to put it into the text. From one side, the figure is the probability of all its pieces together; from both sides, it is the share of the phrase among those that were considered.",
    "again": "Blank again",
    "filled": "{piece} is in the blank now.",
    "no_blank":
      "The text has no blank any more: write two or more underscores, or put the blank back.",
    "space": "a space",
  },
  zh: {
    "title": "空格里可能是什么",
    "lead": "两个语言模型从文本两端读起，各自预测空格里是什么；第三个模型把两边读到的合在一起。",
    "examples": "例子",
    "text": "含一个空格的文本，空格写成两个或更多下划线",
    "num_pieces": "空格里有几个 piece",
    "fill": "填空",
    "forward": "从左边",
    "forward.note": "只知道空格前面的内容",
    "backward": "从右边",
    "backward.note": "只知道空格后面的内容",
    "cloze": "从两边",
    "cloze.note": "两边都知道，最常猜对",
    "pick": "{piece} {probability}：填入",
    "pick.hint": "点一个 piece，把它填进文本。横条表示它在所有 piece 中的概率。",
    "pick.many":
      "点一个短语，把它填进文本。从一边看，数字是它的各个 piece 合起来的概率；从两边看，数字是它在考虑过的短语中所占的份额。",
    "again": "恢复空格",
    "filled": "空格里填上了“{piece}”。",
    "no_blank": "文本里没有空格了：请写两个或更多下划线，或恢复空格。",
    "space": "一个空格符",
  },
};
