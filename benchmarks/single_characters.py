"""Find single characters whose reading is sure from what stands beside them: 还钱, 还没.

A dictionary of phrases has the reading of a character inside a word, but a character that is a word
by itself, such as 为, 得, 长 or 行, is in no phrase. Here a table has, for each reading of such a
character, some words that stand directly before it or after it, and leave no doubt to a person who
reads them. Occurrences with none of these cues have an unknown reading and are left out, and so are
those with cues of two readings.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jieba


class Occurrence(NamedTuple):
    """A character in a line, with the word or cue that gives its reading."""

    line: str
    place: int
    word: str
    reading: str


# jieba takes some numbers and the measure word after them for one word: 三只, 一种.
COUNTED = ("", *"一两几三四五每这那各某多十")
# For each character and reading: the cues before it and the cues after it.
CUES = {
    "为": {
        "wéi": ("约 均 即 改 译 名 选 皆 定 设 评 列 降 升 变 转", "主 例 零 准 首 中心 基础 核心"),
        "wèi": ("", "我 你 他 她 您 谁 自己 孩子 家人 用户 客户 大家 人民 祖国"),
    },
    "得": {
        "de": ("跑 说 写 做 吃 打 玩 笑 哭 跳 走 变 弄 搞 睡 学 装 穿", ""),
        "děi": ("就 都 也 总 可 还 你 我 他", "先 去 等 赶紧 花 靠"),
        "dé": ("", "奖 病 冠军 第一 癌 分 胃病"),
    },
    "长": {
        "cháng": ("米 厘米 公里 很 太 更 较 最 全 那么 这么 时间", "约 达 宽 短"),
        "zhǎng": ("", "出 满 得 成 大 高 痘 胖 草 毛 在 了 着"),
    },
    "行": {
        "xíng": ("不 还 也 才 就 可", "吗 吧 不 不行 啊 啦"),
        "háng": ("两 几 三 每 第一 第二 多 数", "代码 字 文字 命令 文本"),
    },
    "还": {
        "hái": ("", "没 有 没有 是 不 要 会 能 在 可以 很 算 挺"),
        "huán": ("", "给 钱 债 款 清 书 车 贷 信用卡 房贷"),
    },
    "只": {
        "zhǐ": ("", "有 是 能 要 会 想 用 在 需 需要 剩 知道 卖 见 为"),
        "zhī": ("一 两 几 三 四 五 每 十", "猫 狗 鸡 鸟 手 脚 眼睛 羊 兔子 鸭 老鼠 耳朵 小猫 小狗"),
    },
    "种": {
        "zhǒng": ("一 两 几 这 那 各 某 多 每 三", "方法 情况 方式 语言 类型"),
        "zhòng": ("", "树 花 菜 地 田 草 下 庄稼 水稻 粮食 果树 棉花 玉米 茶"),
    },
    "重": {
        "zhòng": ("很 太 更 较 最 约 口味 味道 气味", "达 约 公斤"),
        "chóng": ("", "做 装 写 启 来 回 读 看 建 试 走 选 装系统"),
    },
    "数": {
        "shǔ": ("", "了 着 钱 到 不清 羊 星星 完 一"),
        "shù": ("总 次 页 票 步 像素 参 下载 用户", "为 达 超过"),
    },
    "地": {
        "de": ("慢慢 悄悄 静静 不断 不停 深深 紧紧 轻轻 默默 成功 认真 仔细 简单 自动", ""),
        "dì": ("种 倒 耕 坐 落 此 各 两 该 原 扫 拖 躺", "上 里"),
    },
    "着": {
        "zhe": ("看 拿 带 站 坐 走 笑 听 跟 抱 躺 穿 等 开 沿 想 拉", ""),
        "zháo": ("睡不 找不 摸不 用不 犯不 够不 管不", "火 凉 迷"),
    },
    "干": {
        "gàn": ("", "活 什么 啥 过 事 嘛 完 点 坏事"),
        "gān": ("晾 擦 烘 吹 晒 太 很 风 烤 有点 又 皮肤 嘴唇", ""),
    },
    "发": {
        "fā": ("", "了 出 到 给 来 个 微博 邮件 短信 货 朋友圈 错 快递 信息"),
        "fà": ("长 短 白 金 黑 染 脱 卷 秀 假", ""),
    },
    "背": {
        "bēi": ("", "着 起 书包 包 走"),
        "bèi": ("椅 驼 手 靠", "后 部 单词 课文 书 诗 痛 疼"),
    },
    "假": {
        "jiǎ": ("", "的 货 话 新闻 酒 药 名牌"),
        "jià": ("请 放 寒 暑 休 产 病 年 事 请了 天", "期"),
    },
    "转": {
        "zhuǎn": ("", "到 向 为 发 账 给 身 成 载"),
        "zhuàn": ("", "圈 一圈 了一圈 动 来转去 不停"),
    },
    "倒": {
        "dào": ("", "是 也 不 不是 退 车 水 入 进 茶 酒 出 掉 垃圾"),
        "dǎo": ("摔 跌 打 晕 累 推 病 击 昏", "下 闭 塌 在 霉"),
    },
    "应": {
        "yīng": ("", "该 有 在 予 由 尽 先 是 用 如何 注意"),
        "yìng": ("响 反 回 答 供", "邀 聘"),
    },
    "量": {
        "liàng": ("大 数 质 流 销 含 总 热 产 用 少 信息 工作 饭", "大 少 足 很 太"),
        "liáng": ("", "一下 了 体温 血压 身高 尺寸"),
    },
    "盛": {
        "chéng": ("", "饭 汤 出 水 在 入 满 菜"),
        "shèng": ("", "大 开 产 夏 世"),
    },
    "系": {
        "jì": ("", "鞋带 安全带 上 好 领带 紧 围裙 着"),
        "xì": ("中文 院 数学 语 外语 计算机 英语 银河 太阳", "主任 统"),
    },
    "传": {
        "chuán": ("", "来 给 到 出 了 说 遍 上 下来 照片 文件"),
        "zhuàn": ("自 外 水浒 别 列 白蛇 人物", ""),
    },
    "弹": {
        "tán": ("", "钢琴 吉他 琴 出 奏 起 古筝 窗"),
        "dàn": ("子 炸 导 炮 核 中", ""),
    },
    "教": {
        "jiāo": ("", "我 你 他 她 您 大家 孩子 学生 会 过 给"),
        "jiào": ("基督 天主 伊斯兰 道 佛 信 东正 新", ""),
    },
}


def single_occurrences(lines: Sequence[str]) -> dict[str, list[Occurrence]]:
    """Find, for each character, its occurrences as a word with cues of exactly one reading."""
    jieba.setLogLevel("ERROR")
    found = defaultdict(list)
    for line in lines:
        for word, _, end in jieba.tokenize(line):
            character = word[-1]
            if character not in CUES or word[:-1] not in COUNTED:
                continue
            cues = dict(_cues(line, end - 1))
            if len(cues) == 1:
                [(reading, cue)] = cues.items()
                found[character].append(Occurrence(line, end - 1, cue, reading))
    return found


def _cues(line: str, place: int) -> Iterator[tuple[str, str]]:
    """Yield each reading that a cue beside the character gives it, with the first such cue."""
    character = line[place]
    for reading, (before, after) in CUES[character].items():
        ends = [f"{cue}{character}" for cue in before.split() if line[:place].endswith(cue)]
        begins = [f"{character}{cue}" for cue in after.split() if line[place + 1 :].startswith(cue)]
        if cues := ends + begins:
            yield reading, cues[0]
