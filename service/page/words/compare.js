// The texts of the view Compare.

export default {
  en: {
    "title": "One word, a vector for every sentence",
    "lead":
      "How alike are the occurrences of a word? By its context, by each layer of the model, and by a mix that you set.",
    "compare": "Compare",
    "pick": "compare {word}",
    "pick.hint": "Click any piece to compare that instead.",
    "layer.0": "the piece itself, whatever its sentence",
    "layer.n": "LSTM {number} in both directions",
    "context.note": "what the sentence leads one to expect, the word unseen",
    "mix.note": "γ (s₀h₀ + s₁h₁ + …): follows the sliders at once, without a request",
    "mixer": "Set the mix",
    "mixes": "Named mixes",
    "weight": "Weight of layer {number}",
    "gamma": "Scale of the whole",
    "length": "Mean length of the vectors: {length}. γ changes it, and no cosine.",
    "center": "centred",
    "center.hint": "less what all vectors of a layer share",
    "inside": "same sense {inside}",
    "across": "across {across}",
    "best": "tells them apart best",
    "cell": "{number}: occurrence {row} and {column}",
    "legend":
      "Cosine of two occurrences, in the order of the sentences; colour shows how far it is from 0.",
    "legend.best":
      "Measured on these vectors: the mean cosine inside a sense and across senses; best is the matrix by which a pair of one sense most often is more alike than a pair across ({name}: {ranking}).",
    "legend.one":
      "Put an empty line between the senses, and each matrix tells how far it keeps them apart.",
  },
  zh: {
    "title": "同一个词，每句话里都是不同的向量",
    "lead": "一个词的几次出现彼此有多相似？看上下文、看模型的每一层、看由你调配的混合。",
    "compare": "比较",
    "pick": "比较“{word}”",
    "pick.hint": "点句中任何一个 piece，就改为比较它。",
    "layer.0": "piece 本身，与句子无关",
    "layer.n": "第 {number} 层 LSTM，两个方向",
    "context.note": "不看这个词，只凭句子预期这里会出现什么",
    "mix.note": "γ (s₀h₀ + s₁h₁ + …)，立刻跟着滑块变，不发请求",
    "mixer": "调配混合",
    "mixes": "已命名的混合",
    "weight": "第 {number} 层的权重",
    "gamma": "整体的缩放",
    "length": "向量的平均长度：{length}。γ 只改变长度，不改变余弦。",
    "center": "中心化",
    "center.hint": "减去每层所有向量共有的部分",
    "inside": "义项内 {inside}",
    "across": "义项间 {across}",
    "best": "分得最开",
    "cell": "{number}：第 {row} 次与第 {column} 次出现",
    "legend": "两次出现之间的余弦，按句子的顺序排列；颜色表示离 0 有多远。",
    "legend.best":
      "由这些向量量得：同一义项之内与不同义项之间的平均余弦。“分得最开”的，是同义项的两次出现比不同义项的更相似的比例最大的矩阵（{name}：{ranking}）。",
    "legend.one": "在不同义项之间空一行，每个矩阵就会显示它把它们分得多开。",
  },
};
