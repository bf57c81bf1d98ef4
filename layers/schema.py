"""The layers: what stands on the ground, each described once.

Stores, import, export, API, tiles, page and docs all read these descriptions; a field that is not
here does not exist. How to add a layer is said in docs/architecture.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from layers.problems import NotFound
from layers.text import Text, both, joined

FieldType = Literal["text", "integer", "number", "date", "time", "fact", "x", "y"]
GeometryKind = Literal["point", "polygon"]
Guard = Literal["open", "count", "floating", "party", "text", "contact", "photo"]
"""Kinds of values by the care they need; ``data/roles.json`` says what each asks for."""

FACT_VALUES = ("yes", "no", "unknown")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a layer.

    Attributes
    ----------
    name : str
        Name in stores, files and the API.
    type : FieldType
        ``fact`` is yes, no or unknown; ``date`` a day; ``time`` a local time of day; ``x`` and ``y``
        are longitude and latitude of a second position (an entrance), stored in EPSG:4490 and read
        in the CRS or datum that the import declares.
    title : Text
        Heading for people; the Chinese one is also recognised as a column heading.
    unit : Text, optional
        Unit of a number.
    codes : str, optional
        Name of the closed code list in `layers.standards.Standards`.
    parent : str, optional
        Layer that the field points to, by code (given by code or unique name on import).
    required : bool
        A row without it is a problem; any other field may be unknown.
    minimum, maximum : float, optional
        Bounds of a number, both inclusive.
    aliases : tuple of str
        Further column headings that map to the field by themselves.
    guard : Guard
        What kind of care its values need; `layers.policy` says who may see which.
    """

    name: str
    type: FieldType
    title: Text
    unit: Text | None = None
    codes: str | None = None
    parent: str | None = None
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    aliases: tuple[str, ...] = ()
    guard: Guard = "open"

    @property
    def guarded(self) -> bool:
        """Whether its values leave the store only where they are asked for by name."""
        return self.guard not in ("open", "count")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer: its names, fields and the kinds of geometry it takes.

    Where a district has no outline, features of the layers that `makes_cells` say where analysis cells lie.
    Every layer has `code`, an opaque text that identifies a feature for ever, and a geometry, stored
    in EPSG:4490 as longitude and latitude.
    """

    name: str
    title: Text
    one: Text
    geometry: tuple[GeometryKind, ...]
    fields: tuple[Field, ...]
    makes_cells: bool = True

    def field(self, name: str) -> Field:
        """Return the field `name`; `NotFound` names those that exist."""
        for field in self.fields:
            if field.name == name:
                return field
        raise NotFound(
            Text("图层 {layer} 没有字段 {name}。", "Layer {layer} has no field {name}.").format(
                layer=self.name, name=name
            ),
            Text("可用字段：{known}。", "Its fields are {known}.").format(
                known=joined([both(field.name) for field in self.fields])
            ),
        )

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of the fields in order, `code` first."""
        return tuple(field.name for field in self.fields)

    @property
    def parents(self) -> tuple[Field, ...]:
        """Fields that point to a parent layer."""
        return tuple(field for field in self.fields if field.parent is not None)


_CODE = Field(name="code", type="text", title=Text("编码", "Code"), required=True, aliases=("编号", "编码"))
_SUBDISTRICT = Field(
    name="subdistrict",
    type="text",
    title=Text("街道", "Subdistrict"),
    parent="subdistricts",
    aliases=("所属街道", "街道编码"),
)
_NEIGHBOURHOOD = Field(
    name="neighbourhood",
    type="text",
    title=Text("社区", "Neighbourhood"),
    parent="neighbourhoods",
    aliases=("所属社区", "社区编码"),
)
_COMMUNITY = Field(
    name="community",
    type="text",
    title=Text("小区", "Community"),
    parent="communities",
    aliases=("所属小区", "小区编码"),
)
_ENTRANCE = (
    Field(name="entrance_lon", type="x", title=Text("出入口经度", "Entrance longitude")),
    Field(name="entrance_lat", type="y", title=Text("出入口纬度", "Entrance latitude")),
)
_PEOPLE = Text("人", "people")


def _name(*, required: bool, title: Text = Text("名称", "Name")) -> tuple[Field, Field]:
    return (
        Field(name="name", type="text", title=title, required=required, aliases=("名称", "Name")),
        Field(name="name_en", type="text", title=Text("英文名称", "English name")),
    )


def _fact(name: str, title: Text, *, aliases: tuple[str, ...] = ()) -> tuple[Field, Field]:
    dated = Text("{t}核实日期", "{t}: verified on").format(t=title)
    return (
        Field(name=name, type="fact", title=title, aliases=aliases),
        Field(name=f"{name}_date", type="date", title=dated),
    )


SUBDISTRICTS = Layer(
    name="subdistricts",
    title=Text("街道", "Subdistricts"),
    one=Text("街道", "subdistrict"),
    geometry=("polygon",),
    fields=(_CODE, *_name(required=True, title=Text("街道名称", "Subdistrict name"))),
)

NEIGHBOURHOODS = Layer(
    name="neighbourhoods",
    title=Text("社区", "Neighbourhoods"),
    one=Text("社区", "neighbourhood"),
    geometry=("polygon",),
    fields=(_CODE, *_name(required=True, title=Text("社区名称", "Neighbourhood name")), _SUBDISTRICT),
)

COMMUNITIES = Layer(
    name="communities",
    title=Text("小区", "Communities"),
    one=Text("小区", "community"),
    geometry=("polygon", "point"),
    fields=(
        _CODE,
        *_name(required=True, title=Text("小区名称", "Community name")),
        _SUBDISTRICT,
        _NEIGHBOURHOOD,
        Field(name="kind", type="text", title=Text("小区类型", "Kind"), codes="community_kinds"),
        Field(
            name="households",
            type="integer",
            title=Text("户数", "Households"),
            unit=Text("户", "households"),
            minimum=0,
            guard="count",
        ),
        Field(
            name="residents",
            type="integer",
            title=Text("居民人数", "Residents"),
            unit=_PEOPLE,
            minimum=0,
            aliases=("管理人口", "人口"),
            guard="count",
        ),
        Field(
            name="floating_residents",
            type="integer",
            title=Text("流动人口", "Floating residents"),
            unit=_PEOPLE,
            minimum=0,
            guard="floating",
        ),
        Field(name="residents_definition", type="text", title=Text("人口口径", "Definition of residents")),
        Field(name="residents_source", type="text", title=Text("人口来源", "Source of residents")),
        Field(name="residents_date", type="date", title=Text("人口日期", "Date of residents")),
        *_fact("property_management", Text("物业管理", "Property management"), aliases=("有无物业管理",)),
        Field(name="property_company", type="text", title=Text("物业服务企业", "Property company")),
        Field(name="contract_start", type="date", title=Text("物业合同起", "Contract from")),
        Field(name="contract_end", type="date", title=Text("物业合同止", "Contract until")),
        Field(
            name="property_staff",
            type="integer",
            title=Text("物业从业人员", "Property staff"),
            unit=_PEOPLE,
            minimum=0,
        ),
        *_fact("owners_committee", Text("业委会", "Owners' committee"), aliases=("有无业委会",)),
        Field(name="committee_term_start", type="date", title=Text("业委会任期起", "Term from")),
        Field(name="committee_term_end", type="date", title=Text("业委会任期止", "Term until")),
        *_fact("residents_group", Text("居民小组", "Residents' group")),
        *_fact("party_branch", Text("小区党支部", "Party branch"), aliases=("党支部",)),
        Field(
            name="party_branch_mode",
            type="text",
            title=Text("支部组建方式", "Branch mode"),
            codes="party_branch_modes",
        ),
        *_fact("party_work", Text("党的工作覆盖", "Party work")),
        *_fact("pilot", Text("试点小区", "Pilot community")),
    ),
)

BUILDINGS = Layer(
    name="buildings",
    title=Text("楼栋", "Buildings"),
    one=Text("楼栋", "building"),
    geometry=("polygon", "point"),
    fields=(
        _CODE,
        *_name(required=False, title=Text("楼栋名称", "Building name")),
        _SUBDISTRICT,
        _NEIGHBOURHOOD,
        _COMMUNITY,
        Field(name="use", type="text", title=Text("用途", "Use"), codes="building_uses"),
        Field(
            name="floors",
            type="integer",
            title=Text("层数", "Floors"),
            unit=Text("层", "floors"),
            minimum=1,
            maximum=200,
        ),
        Field(
            name="floor_area_m2",
            type="number",
            title=Text("建筑面积", "Floor area"),
            unit=Text("平方米", "m²"),
            minimum=0,
        ),
        *_ENTRANCE,
    ),
)

MANAGEMENT_CELLS = Layer(
    name="management_cells",
    title=Text("网格", "Management cells"),
    one=Text("网格", "management cell"),
    geometry=("polygon",),
    fields=(
        _CODE,
        Field(name="scheme", type="text", title=Text("编码规则", "Code scheme")),
        *_name(required=False, title=Text("网格名称", "Cell name")),
        _SUBDISTRICT,
        _NEIGHBOURHOOD,
    ),
)

MEDIATION_ROOMS = Layer(
    name="mediation_rooms",
    title=Text("物业调解室", "Mediation rooms"),
    one=Text("物业调解室", "mediation room"),
    geometry=("point", "polygon"),
    fields=(
        _CODE,
        *_name(required=False, title=Text("调解室名称", "Room name")),
        _SUBDISTRICT,
        _NEIGHBOURHOOD,
        _COMMUNITY,
        Field(name="mediators", type="integer", title=Text("调解员", "Mediators"), unit=_PEOPLE, minimum=0),
        Field(name="shared", type="fact", title=Text("向周边开放", "Shared with its surroundings")),
        Field(name="opened", type="date", title=Text("设立日期", "Opened")),
        *_ENTRANCE,
    ),
)

FACILITIES = Layer(
    name="facilities",
    title=Text("服务设施", "Facilities"),
    one=Text("服务设施", "facility"),
    geometry=("point", "polygon"),
    fields=(
        _CODE,
        *_name(required=False, title=Text("设施名称", "Facility name")),
        Field(
            name="kind", type="text", title=Text("设施种类", "Kind"), codes="facility_kinds", required=True
        ),
        _SUBDISTRICT,
        _NEIGHBOURHOOD,
        _COMMUNITY,
        Field(name="opened", type="date", title=Text("启用日期", "Opened")),
        *_ENTRANCE,
    ),
)

COMPLAINTS = Layer(
    name="complaints",
    title=Text("诉求", "Complaints"),
    one=Text("诉求", "complaint"),
    geometry=("point",),
    fields=(
        _CODE,
        Field(
            name="category", type="text", title=Text("诉求类别", "Category"), required=True, aliases=("类别",)
        ),
        Field(
            name="demand_group", type="text", title=Text("需求大类", "Demand group"), codes="demand_groups"
        ),
        Field(name="opened", type="date", title=Text("提出日期", "Opened"), required=True),
        Field(name="opened_time", type="time", title=Text("提出时刻", "Opened at")),
        Field(name="closed", type="date", title=Text("办结日期", "Closed")),
        _SUBDISTRICT,
        _NEIGHBOURHOOD,
        _COMMUNITY,
        Field(name="channel", type="text", title=Text("渠道", "Channel")),
        Field(name="text", type="text", title=Text("诉求内容", "Text"), guard="text"),
    ),
)

BACKDROP = Layer(
    name="backdrop",
    title=Text("底图", "Backdrop"),
    one=Text("底图地物", "backdrop feature"),
    geometry=("polygon",),
    fields=(
        _CODE,
        *_name(required=False),
        Field(
            name="kind", type="text", title=Text("地物种类", "Kind"), codes="backdrop_kinds", required=True
        ),
    ),
    makes_cells=False,
)
"""Greens, water and roads to find one's way by; nothing is counted from them."""

LAYERS: dict[str, Layer] = {
    layer.name: layer
    for layer in (
        SUBDISTRICTS,
        NEIGHBOURHOODS,
        COMMUNITIES,
        BUILDINGS,
        MANAGEMENT_CELLS,
        MEDIATION_ROOMS,
        FACILITIES,
        COMPLAINTS,
        BACKDROP,
    )
}


def layer_named(name: str) -> Layer:
    """Return the layer `name`; `NotFound` names those that exist."""
    if name not in LAYERS:
        raise NotFound(
            Text("没有名为 {name} 的图层。", "There is no layer {name}.").format(name=name),
            Text("图层有：{known}。", "The layers are {known}.").format(
                known=joined([both(known) for known in LAYERS])
            ),
        )
    return LAYERS[name]
