// The texts of the view Continue.

export default {
  en: {
    "title": "How the text may go on",
    "lead":
      "The model that reads from the left adds piece after piece. It is small and has read little: it knows how sentences go, not what is true.",
    "examples": "Examples",
    "text": "Text to continue",
    "strategy": "Strategy",
    "greedy": "greedy",
    "greedy.note": "Takes the most probable piece each time.",
    "sample": "sample",
    "sample.note":
      "Draws each piece at random, by the probabilities of the model. A low temperature plays safe, top k excludes improbable pieces, and the same seed repeats the same draws.",
    "beam": "beam search",
    "beam.note":
      "Keeps the most probable beginnings side by side. The best completion is at least as probable as the greedy one, and often short.",
    "max_pieces": "Pieces at most",
    "temperature": "Temperature",
    "top_k": "Top k",
    "seed": "Seed",
    "num_beams": "Beams",
    "num_completions": "Completions",
    "go_on": "Go on",
    "draw_again": "Draw again",
    "completions": "Completions",
    "take": "{text}: take this one",
    "taken": "The text has grown. You can go on from there.",
    "figures": "log probability {log_probability} · {pieces} pieces",
    "finished": "the model ends here",
    "hint":
      "Click a completion to add it to the text. Its log probability is natural, and a sum over its pieces.",
  },
  zh: {
    "title": "文本可能怎样继续",
    "lead":
      "从左往右读的模型一个 piece 接一个 piece 地写下去。它很小，读得也不多：它知道句子通常怎么写，但不知道什么是真的。",
    "examples": "例子",
    "text": "要续写的文本",
    "strategy": "策略",
    "greedy": "贪心",
    "greedy.note": "每次取最可能的 piece。",
    "sample": "采样",
    "sample.note":
      "按模型给出的概率随机抽取 piece。温度低则保守，top k 排除可能性小的 piece，同一个种子抽出同样的结果。",
    "beam": "束搜索",
    "beam.note": "同时保留几个最可能的开头。最好的结果概率不低于贪心的结果，但往往偏短。",
    "max_pieces": "最多几个 piece",
    "temperature": "温度",
    "top_k": "Top k",
    "seed": "种子",
    "num_beams": "束宽",
    "num_completions": "几个结果",
    "go_on": "续写",
    "draw_again": "再抽一次",
    "completions": "续写结果",
    "take": "{text}：采用",
    "taken": "文本变长了，可以从这里接着写。",
    "figures": "对数概率 {log_probability} · {pieces} 个 piece",
    "finished": "模型在此结束",
    "hint": "点一个结果，把它接到文本后面。对数概率以 e 为底，是各个 piece 的对数概率之和。",
  },
};
