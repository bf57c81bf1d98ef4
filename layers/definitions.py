"""What every number on a screen means, one tap away: title, unit, definition, source."""

from __future__ import annotations

from dataclasses import dataclass

from layers.text import Language, Text


@dataclass(frozen=True)
class Definition:
    """The definition of one figure or column."""

    title: Text
    unit: Text
    text: Text
    source: Text

    def as_dict(self, language: Language) -> dict[str, str]:
        """Return the definition in one language."""
        return {
            "title": self.title.to(language),
            "unit": self.unit.to(language),
            "text": self.text.to(language),
            "source": self.source.to(language),
        }


_PEOPLE = Text("人", "people")
_COUNT = Text("个", "count")
_DATA = Text("本区导入的数据", "the district's imported data")
_GB = Text("GB 50180-2018 步行圈，未核对原文", "GB 50180-2018 walk circles, not verified against the text")

DEFINITIONS: dict[str, Definition] = {
    "conditions": Definition(
        Text("叠加条件", "Combined conditions"),
        _COUNT,
        Text(
            "符合：每个条件都成立的单元。不能判断：没有哪个条件不成立，但至少一个因事实不明而不能判断；既不算符合，也不算不符合。"
            "小区以外的单元，按代表点落在其中的小区，有一个成立即成立。",
            "Met: units for which every condition holds. Cannot tell: none fails, but at least one cannot be decided "
            "because a fact is unknown; these count neither as met nor as not met. For units other than communities "
            "a condition on communities holds if it holds for one whose point lies in the unit.",
        ),
        _DATA,
    ),
    "conditions_share": Definition(
        Text("占比", "Share"),
        Text("居民占比", "share of residents"),
        Text(
            "符合全部条件的单元的已知居民，占全区（或您的区域）同类单元已知居民的比例；居民都不明时按单元数。",
            "Known residents of the units that meet all conditions, of those of all such units of the district (or of "
            "your area); by the number of units where no residents are known.",
        ),
        _DATA,
    ),
    "coverage": Definition(
        Text("服务覆盖", "Coverage"),
        Text("居民占比", "share of residents"),
        Text(
            "步行距离不超过限值的居民占比（含限值）。步行距离 = 楼栋出入口到最近设施的直线距离 × 绕行系数。"
            "全区数的分母是城中村以外、人口已知的小区居民，单元的分母是单元内全部已知居民；人口不明的小区单列。"
            "“以外”为其余部分。有设施而没有这一类的，为 0%；一处设施都没有登记的，不明。",
            "Share of residents whose walk is within the limit (inclusive). The walk is the straight line from the "
            "building's entrance to the nearest facility times the detour factor. For the district: of the known "
            "residents of communities that are not urban villages; for a unit: of all its known residents. "
            "Communities of unknown residents stand apart. What is beyond is the rest. Where there are facilities and none "
            "of the kind it is 0 %; where none at all are on record it is unknown.",
        ),
        _GB,
    ),
    "beyond": Definition(
        Text("限值以外的居民", "Residents beyond the limit"),
        _PEOPLE,
        Text(
            "单元内步行距离超过限值的居民，含城中村；单元内有人数不明的住处时是至少的数，写作“≥”。",
            "The unit's residents whose walk exceeds the limit, urban villages included; in a unit with dwellings of "
            "unknown residents at least so many, written with ≥.",
        ),
        _GB,
    ),
    "beyond_buildings": Definition(
        Text("限值以外的楼栋", "Buildings beyond the limit"),
        Text("栋", "buildings"),
        Text(
            "单元内步行距离超过限值的楼栋；居民都不明时用它代替居民。",
            "The unit's buildings whose walk exceeds the limit; counted where no residents are known.",
        ),
        _GB,
    ),
    "coverage_buildings": Definition(
        Text("按楼栋", "By buildings"),
        Text("楼栋占比", "share of buildings"),
        Text(
            "步行距离不超过限值的楼栋占全部楼栋的比例；“以外”为其余部分，位置不明的除外。",
            "Share of all buildings whose walk is within the limit; beyond are the rest, those of unknown place apart.",
        ),
        _GB,
    ),
    "coverage_area": Definition(
        Text("按面积", "By area"),
        Text("建成区面积占比", "share of the built-up area"),
        Text(
            "建成区（网格的并集；没有网格时用小区，再没有用区界）内，距任一设施的直线距离乘以绕行系数不超过限值的面积占比。",
            "Share of the built-up area (union of the management cells, else of the communities, else the outline) "
            "that is within the limit of a facility, straight metres times the detour factor.",
        ),
        _GB,
    ),
    "access": Definition(
        Text("步行距离", "Walk"),
        Text("米", "m"),
        Text(
            "单元内楼栋到最近设施的步行距离，按居民加权平均；居民不明时不加权。没有楼栋时从小区的代表点算起。",
            "Mean walk from the unit's buildings to the nearest facility, weighted by residents; unweighted where "
            "they are unknown. Without buildings it is from the communities' own points.",
        ),
        Text("直线 × 1.3，自定", "straight line x 1.3, own proposal"),
    ),
    "double_none": Definition(
        Text("双无小区", "Double-none communities"),
        _COUNT,
        Text(
            "既没有物业管理也没有业委会的小区。由两项带日期的事实推出：有一项为“有”即不是双无，否则有一项不明就不能判断。"
            "全区数不含城中村，城中村另列；单元和列表含城中村。“2 (+1?) / 15”：15 个里 2 个双无，另有 1 个不能判断；"
            "不能判断的若会改变所在的档，就不定档，画斜纹。",
            "Communities with neither property management nor owners' committee, derived from two dated facts: one yes "
            "decides; otherwise one unknown leaves it open. The district's figure leaves urban villages out and shows "
            "them beside; units and lists include them. 2 (+1?) / 15: of 15, 2 are double-none and of 1 we cannot tell; "
            "where those could change the class, it is left open and hatched.",
        ),
        _DATA,
    ),
    "without_property_management": Definition(
        Text("没有物业管理", "Without property management"),
        _COUNT,
        Text(
            "物业管理一项为“无”的小区；不明的单列。",
            "Communities whose property management is no; unknown apart.",
        ),
        _DATA,
    ),
    "owners_committee": Definition(
        Text("业委会组建率", "Owners' committees"),
        _COUNT,
        Text(
            "业委会一项为“有”的小区占比；不明计入分母。",
            "Share of communities with a committee; unknown counted in the denominator.",
        ),
        _DATA,
    ),
    "hotspots": Definition(
        Text("诉求热点", "Complaint hotspots"),
        Text("个单元", "units"),
        Text(
            "Getis-Ord Gi*：本单元连同相邻单元与全区相比。居民已知时比每千人诉求（经验贝叶斯平滑），否则比件数；"
            "按双侧解析 p 值做 Benjamini-Hochberg 校正分级；比千人率时居民不足 20 人的单元遮蔽，"
            "住处中人数不明的超过一成的单元按人口不明不比；不到一成的，比率至多如此（不明住处人数若与其余相当，偏高不过九分之一）。"
            "相邻：边或角相接；小区之间相距 100 m 以内。",
            "Getis-Ord Gi*: a unit with its neighbours against the district. On the rate per 1,000 residents (smoothed "
            "by empirical Bayes) where residents are known, else on counts; classes by Benjamini-Hochberg on the "
            "two-sided analytic p; on a rate, units under 20 residents are masked, and units with more than a tenth of "
            "their dwellings of unknown residents left out as unknown. Up to a tenth the rate is at most that told: too "
            "high by a ninth if as many live in those as in the others. Neighbours touch at an edge or a corner; "
            "communities lie within 100 m of each other.",
        ),
        Text(
            "Getis & Ord 1992；Ord & Getis 1995；遮蔽线自定",
            "Getis & Ord 1992; Ord & Getis 1995; the mask is our own proposal",
        ),
    ),
    "complaints": Definition(
        Text("诉求", "Complaints"),
        Text("件", "complaints"),
        Text(
            "所选时段内提出、位置落在单元内的诉求件数，首尾两天都计。不登录时看到的是各自取整到 5 的倍数的约数，小的数从略。",
            "Complaints opened in the chosen period and located in the unit; both days counted. To those who have not "
            "signed in each count is told about, rounded to 5, and small ones are withheld.",
        ),
        _DATA,
    ),
    "residents": Definition(
        Text("居民", "Residents"),
        _PEOPLE,
        Text(
            "小区管理人口（含城中村），按建筑面积（层数不明时按占地面积）摊到楼栋，再归入单元。"
            "人口不明的小区和不属于任何小区的住房，人数不明：单元里有这样的住处时写作“≥”，即至少有这么多。"
            "住处：住人的楼栋，或没有楼栋的小区。",
            "The communities' managed residents, urban villages included, spread over their buildings by floor "
            "area (by footprint where floors are unknown) and counted where the building stands. How many live in "
            "communities of unknown residents and in homes of no community is unknown: a unit with such dwellings has "
            "at least the number told, written with ≥. Dwellings are buildings lived in and communities without buildings.",
        ),
        _DATA,
    ),
    "households": Definition(
        Text("户数", "Households"),
        Text("户", "households"),
        Text("小区登记户数。", "Households of the community."),
        _DATA,
    ),
    "floating_residents": Definition(
        Text("流动人口", "Floating residents"),
        Text("居民占比", "share of residents"),
        Text(
            "流动人口占小区居民的比例，按十个百分点分档，含下限；人数要另行申请。"
            "记录的流动人口多于居民的，不算比例。",
            "Floating residents as a share of the community's residents, in bands of ten per cent, the lower bound "
            "included; the count must be asked for. Where more are on record than residents no share is told.",
        ),
        _DATA,
    ),
    "buildings": Definition(
        Text("楼栋", "Buildings"),
        Text("栋", "buildings"),
        Text("代表点落在单元内的楼栋数。", "Buildings whose point on surface lies in the unit."),
        _DATA,
    ),
    "mediation": Definition(
        Text("物业调解室", "Mediation room"),
        Text("有或无", "yes or no"),
        Text(
            "300 户及以上的小区应设；按归属判断，不按距离；户数不明则不能判断。",
            "Due in communities of 300 or more households: by membership, not distance; unknown households cannot tell.",
        ),
        Text("公布的做法", "published practice"),
    ),
    "mediation_missing": Definition(
        Text("应设未设调解室", "Mediation rooms missing"),
        _COUNT,
        Text(
            "300 户及以上而没有调解室的小区（城中村另计）。",
            "Communities of 300 or more households without a room (urban villages apart).",
        ),
        Text("公布的做法", "published practice"),
    ),
    "hotspot_z": Definition(
        Text("Gi* 的 z 值", "z of Gi*"),
        Text("标准差", "standard deviations"),
        Text(
            "本单元与相邻单元之和偏离全区平均的程度。",
            "How far the unit and its neighbours are from the district's mean.",
        ),
        Text("Ord & Getis 1995，方差用 n", "Ord & Getis 1995, variance with n"),
    ),
    "communities": Definition(
        Text("小区", "Communities"),
        _COUNT,
        Text("小区数，括注城中村。", "Number of communities, urban villages among them."),
        _DATA,
    ),
}
