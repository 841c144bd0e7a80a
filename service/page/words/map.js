// The texts of the view Map.

export default {
  en: {
    "title": "Many sentences, one word, two dimensions",
    "lead":
      "Each dot is an occurrence; dots that lie close together are alike to the model. Point at a dot, or use the arrow keys, to read its sentence.",
    "draw": "Draw the map",
    "by": "Vectors",
    "clusters": "Clusters",
    "chart": "Map of {count} occurrences of {word}. The arrow keys lead from dot to dot.",
    "dot": "{sentence} Cluster {cluster}.",
    "cluster": "Cluster {number}",
    "legend.colour":
      "The colour is the nearest of {count} clusters, which k-means found among the unit vectors in all {dim} dimensions.",
    "legend.shape":
      "The shape is the sense, as the empty lines divide the sentences. {right} of {all} dots lie in the cluster of their sense.",
    "legend.axes":
      "The two directions (principal components) hold {first} and {second} of the variance; the rest is not visible here.",
    "same": "These vectors are all the same: layer 0 does not see the sentence.",
    "few":
      "A map needs at least three occurrences of the word, and the sentences have {count}. Add sentences with the word.",
  },
  zh: {
    "title": "许多句子，一个词，两个维度",
    "lead":
      "每个点是这个词的一次出现，模型看来相似的靠在一起。指向一个点，或用方向键，就能读到那句话。",
    "draw": "画地图",
    "by": "向量",
    "clusters": "聚类数",
    "chart": "“{word}”的 {count} 次出现。用方向键从一点走到另一点。",
    "dot": "{sentence}第 {cluster} 类。",
    "cluster": "第 {number} 类",
    "legend.colour":
      "颜色表示最近的聚类，共 {count} 个，由 k-means 在全部 {dim} 维的单位向量中求得。",
    "legend.shape":
      "形状表示义项，义项按空行划分。{all} 次出现中有 {right} 次落在本义项的那一类里。",
    "legend.axes": "两个方向（主成分）占方差的 {first} 和 {second}；其余的在这里看不到。",
    "same": "这些向量全都相同：第 0 层看不到句子。",
    "few": "地图至少需要这个词出现三次，现在只有 {count} 次。请再加几句含这个词的话。",
  },
};
