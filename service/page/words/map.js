// The texts of the view Map.

export default {
  en: {
    "title": "Many sentences, one word, two dimensions",
    "lead":
      "Each dot is an occurrence; those that lie together are alike to the model. Point at one, or use the arrow keys, to read it.",
    "draw": "Draw the map",
    "by": "Vectors",
    "clusters": "Clusters",
    "chart": "Map of {count} occurrences of {word}. The arrow keys lead from dot to dot.",
    "dot": "{sentence} Cluster {cluster}.",
    "cluster": "Cluster {number}",
    "legend.colour":
      "Colour: the nearest of {count} clusters, found by k-means among unit vectors in all {dim} dimensions.",
    "legend.shape":
      "Shape: the sense, as the empty lines divide the sentences. {right} of {all} lie in the cluster of their sense.",
    "legend.axes":
      "The two directions (principal components) hold {first} and {second} of the variance; the rest cannot be seen here.",
    "same": "These vectors are all the same: layer 0 does not see the sentence.",
    "few": "A map needs at least three occurrences of the word; there is {count}.",
  },
  zh: {
    "title": "许多句子，一个词，两个维度",
    "lead":
      "每个点是这个词的一次出现，模型觉得相似的靠在一起。指着一个点，或用方向键，就能读到那句话。",
    "draw": "画地图",
    "by": "向量",
    "clusters": "聚类数",
    "chart": "“{word}”的 {count} 次出现。用方向键从一点走到另一点。",
    "dot": "{sentence}第 {cluster} 类。",
    "cluster": "第 {number} 类",
    "legend.colour":
      "颜色：最近的聚类，共 {count} 个，由 k-means 在全部 {dim} 维的单位向量中求得。",
    "legend.shape": "形状：义项，按空行划分。{all} 次出现中有 {right} 次落在本义项的那一类里。",
    "legend.axes": "两个方向（主成分）占方差的 {first} 和 {second}；其余的在这里看不到。",
    "same": "这些向量全都相同：第 0 层看不到句子。",
    "few": "地图至少需要这个词出现三次；现在只有 {count} 次。",
  },
};
