// The texts of the view Compare.

export default {
  en: {
    "title": "One word, a vector for every sentence",
    "lead":
      "How alike are the occurrences of a word? Compare them by context, by each layer of the model, and by a mix that you set.",
    "compare": "Compare",
    "pick": "compare {word}",
    "pick.hint": "Click any piece to compare that instead.",
    "layer.0": "the piece itself, whatever the sentence",
    "layer.n": "LSTM {number} in both directions",
    "context.note": "what the model expects here, without seeing the word",
    "mix.note": "γ (s₀h₀ + s₁h₁ + …): follows the sliders at once, without a request",
    "mixer": "Set the mix",
    "mixes": "Named mixes",
    "weight": "Weight of layer {number}",
    "gamma": "Scale of the whole",
    "length": "The mean length of the vectors is {length}. γ changes it, but no cosine.",
    "center": "centred",
    "center.hint": "without what all vectors of a layer share",
    "inside": "same sense {inside}",
    "across": "across {across}",
    "best": "tells them apart best",
    "cell": "{number}: occurrences {row} and {column}",
    "legend":
      "A cell is the cosine of two occurrences, in the order of the sentences. Its colour shows how far the cosine is from 0.",
    "legend.best":
      "The mean cosines inside a sense and across senses are measured on these vectors. The matrix that tells senses apart best is the one in which a pair of the same sense most often has a higher cosine than a pair across senses ({name}: {ranking}).",
    "legend.one":
      "Put an empty line between the senses, and each matrix shows how well it tells them apart.",
  },
  zh: {
    "title": "同一个词，每句话里都是不同的向量",
    "lead": "同一个词的各次出现彼此有多相似？可以按上下文、按模型的每一层、按你调配的混合来比较。",
    "compare": "比较",
    "pick": "比较“{word}”",
    "pick.hint": "点句中任意一个 piece，就改为比较它。",
    "layer.0": "piece 本身，与句子无关",
    "layer.n": "第 {number} 层 LSTM，两个方向",
    "context.note": "不看这个词，模型预期这里会出现什么",
    "mix.note": "γ (s₀h₀ + s₁h₁ + …)，随滑块立刻变化，不发请求",
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
    "legend": "每格是两次出现之间的余弦，按句子的顺序排列；颜色表示余弦离 0 有多远。",
    "legend.best":
      "义项内和义项间的平均余弦由这些向量算出。任取一对同义项的出现和一对不同义项的出现，前者余弦更高的比例最大的那个矩阵“分得最开”（{name}：{ranking}）。",
    "legend.one": "在不同义项之间空一行，每个矩阵就会显示它把各义项分得多开。",
  },
};
