"""The tablet page's own sentences; those of tasks, records and facts come from the server's answers in both languages."""

from __future__ import annotations

from layers.text import Language, Text

WORDS: dict[str, Text] = {
    "app_name": Text("网格", "Wangge"),
    "skip": Text("跳到列表", "Skip to the list"),
    "noscript": Text("本页需要 JavaScript。", "This page needs JavaScript."),
    "close": Text("关闭", "Close"),
    "comma": Text("，", ", "),
    "colon": Text("：", ": "),
    "loading": Text("正在取您的网格", "Fetching your grid"),
    "try_again": Text("再试", "Try again"),
    "understood": Text("知道了", "Understood"),
    "sign_in": Text("登录", "Sign in"),
    "yesterday_at": Text("昨天 {time}", "yesterday {time}"),
    # Head and tabs
    "tabs": Text("页面", "Pages"),
    "tab_grid": Text("我的网格", "My grid"),
    "tab_verify": Text("核实", "Verify"),
    "tab_outbox": Text("待发送", "Outbox"),
    "tab_package": Text("带走", "Take along"),
    "conflict_head": Text("两个人改了同一项", "Two people changed one thing"),
    "restored_head": Text("恢复之后再看一遍", "Look again after a restore"),
    "theme_sun": Text("强光下的外观", "For bright sun"),
    "theme_sun_on": Text("已换成强光外观", "Appearance for bright sun"),
    "theme_sun_off": Text("已换回浅色外观", "Light appearance"),
    "connecting": Text("正在连接", "Connecting"),
    "connected": Text("已连接", "Connected"),
    "offline_short": Text("无网络", "No network"),
    "busy_short": Text("服务器忙", "Server busy"),
    "signed_out_short": Text("未登录", "Signed out"),
    "unknown_device_short": Text("未登记", "Not enrolled"),
    "revoked_short": Text("已停用", "Revoked"),
    # Banner
    "offline": Text("没有网络。", "No network."),
    "busy": Text("服务器暂时答不上来。", "The server cannot answer now."),
    "offline_more": Text(
        "照常工作，记录存在本机。", "Go on working: what you record is kept on this tablet."
    ),
    "last_contact": Text("上次联网 {at}", " Last contact {at}"),
    "expired": Text("离线包已过期。", "The package has expired."),
    "expired_read_only": Text(
        "只能看，不能记新的；联网后更新即可。已记下的都还在。",
        "It can be read, not added to, until it is updated online. What you have recorded is kept.",
    ),
    "signed_out": Text("登录已失效。", "You are signed out."),
    "signed_out_more": Text("登录后才能看到您的网格。", "Sign in to see your grid."),
    "signed_out_keeps": Text(
        "待发送的记录都在，登录后接着送。", "What waits to be sent is kept, and sent once you sign in."
    ),
    "unknown_device": Text("服务器不认识这台平板。", "The server does not know this tablet."),
    "unknown_device_keeps": Text(
        "请管理员重新登记，或登录；离线包和待发送的记录都在，之后接着送。",
        "Have it enrolled again, or sign in: the package and what waits to be sent are kept, and sent then.",
    ),
    "revoked": Text("这台平板已被停用。", "This tablet was revoked."),
    "revoked_more": Text(
        "请管理员重新登记，或用自己的账号登录。",
        "Have it enrolled again, or sign in with an account of your own.",
    ),
    "wiped": Text("离线包已清除。", "The package was wiped."),
    "wiped_lost": Text(
        "没送出的 {n} 条记录也一并清除，请重新核实。",
        "{n} records that had not been sent were wiped too; verify them again.",
    ),
    "clock_off": Text("平板的时间不准。", "This tablet's clock is wrong."),
    "clock_off_more": Text(
        "与服务器相差 5 分钟以上，请在系统设置里打开自动校时。",
        "It is over 5 minutes off; let the system set it automatically.",
    ),
    "insecure": Text("这里是 http，不能离线使用。", "This is plain http: it works online only."),
    "insecure_more": Text(
        "在线核实照常；要带走、要定位，请让管理员开通 https（wangge cert）。",
        "Verifying online works. To take along and to see where you are, ask for https (wangge cert).",
    ),
    # Map
    "map_part": Text("地图", "Map"),
    "map_label": Text("地图；上面的编号都在列表里", "Map; every number on it is in the list"),
    "map_failed": Text("地图画不出来，列表照常可用。", "The map cannot be drawn; the list works as ever."),
    "base_offline": Text("没有网络，不画底图", "No network: without the base map"),
    "legend": Text("图例", "Legend"),
    "mediation_room": Text("调解室", "Mediation room"),
    "buildings": Text("显示楼栋", "Show buildings"),
    "whole_area": Text("看整个网格", "Show my whole grid"),
    "where_am_i": Text("我在哪里", "Where am I"),
    "place_accuracy": Text("误差约 {metres} m，不记轨迹", "About {metres} m; no track is kept"),
    "place_looking": Text("正在定位，不记轨迹", "Looking for your place; no track is kept"),
    "place_refused": Text(
        "没有允许定位；可在浏览器的网站设置里打开。",
        "Not allowed to know your place; the browser's site settings can allow it.",
    ),
    "place_unknown": Text("定位不到，请到开阔处再试。", "No position; try again in the open."),
    "place_insecure": Text(
        "http 网址不能定位；https 才行。", "Over plain http browsers do not tell your place."
    ),
    # List
    "go_and_verify": Text("去核实", "Go and verify"),
    "tasks_by_urgency": Text("{n} 项，按要紧程度", "{n}, most urgent first"),
    "tasks_by_distance": Text("{n} 项，由近到远", "{n}, nearest first"),
    "sort_by_distance": Text("按远近", "Nearest first"),
    "sort_by_urgency": Text("按要紧", "Most urgent first"),
    "sort_needs_place": Text("先定位，才能按远近排", "Find your place first"),
    "show_more": Text("再列一些", "Show more"),
    "no_tasks": Text("这里没有要核实的。", "There is nothing to verify here."),
    "communities": Text("网格里的小区，{n} 个", "{n} communities in the grid"),
    "rooms": Text("网格里的调解室，{n} 个", "{n} mediation rooms in the grid"),
    "room_shared_yes": Text("与周边共用", "for the surroundings too"),
    "room_shared_no": Text("只供本小区", "for its community alone"),
    "room_shared_unknown": Text("是否共用不明", "not known whether shared"),
    "class_double_none": Text("双无", "double-none"),
    "class_no_manager": Text("只缺物业", "no manager only"),
    "class_no_committee": Text("只缺业委会", "no committee only"),
    "class_complete": Text("都有", "both there"),
    "class_unknown": Text("不能判断", "cannot tell"),
    "no_storage": Text(
        "这个浏览器不让网页存东西，记录会丢；请关掉无痕模式，或腾出空间。",
        "This browser lets pages keep nothing, so records would be lost: leave private browsing, or make room.",
    ),
    "facts_not_taken": Text(
        "没取到这个小区的事实，请联网再试。", "Its facts did not come; try again online."
    ),
    "fact_is": Text("{title}：{value}", "{title}: {value}"),
    "fact_verified": Text("{date} 核实", "verified on {date}"),
    "fact_undated": Text("没有核实日期", "no date of verification"),
    "fact_question": Text("{title}，现在怎样？", "{title}: how is it now?"),
    "fact_ask": Text("现在有没有：{title}", "Is there now: {title}"),
    "nothing_taken": Text("没有网络，也没有带走", "No network, and nothing taken along"),
    "nothing_taken_more": Text(
        "联网后打开一次，在“带走”里取下自己的网格。",
        "Open this once with a network, and take your grid along.",
    ),
    "not_here": Text("这里不给您看", "This is not for you"),
    # Verify
    "all_verified": Text("都核实过了", "All is verified"),
    "all_verified_more": Text("有新的会出现在列表里。", "What comes new will be in the list."),
    "back_to_grid": Text("回到我的网格", "Back to my grid"),
    "task_of": Text("第 {rank} 项，共 {n} 项", "{rank} of {n}"),
    "record_is": Text("现有记录：", "On record: "),
    "verified_on": Text("，{date} 核实", "; verified on {date}"),
    "never_verified": Text("，没有核实日期", "; no date of verification"),
    "recorded_before": Text(
        "您记过这一项，还没送出；再记会替换它。", "You recorded this before; it is replaced."
    ),
    "recorded_before_tried": Text(
        "您记过这一项，正在送出；再记会跟在它后面。",
        "You recorded this before and it is being sent; this follows it.",
    ),
    "answer_yes": Text("有", "Yes"),
    "answer_no": Text("无", "No"),
    "answer_unknown": Text("不明", "Unknown"),
    "day": Text("哪天的情况", "As of which day"),
    "day_today": Text("今天 {day}", "Today {day}"),
    "day_yesterday": Text("昨天", "Yesterday"),
    "day_other": Text("选日期", "Another day"),
    "day_pick": Text("日期", "Day"),
    "day_not_right": Text("请选日期，不晚于 {day}。", "Choose a day, not after {day}."),
    "evidence": Text("依据，可多选；不选就是现场查看", "Evidence, one or more; none means seen on site"),
    "evidence_short": Text("依据", "Evidence"),
    "evidence_notice_board": Text("公示栏", "Notice board"),
    "evidence_property_office": Text("物业", "Property office"),
    "evidence_residents": Text("居民", "Residents"),
    "evidence_document": Text("文件", "Document"),
    "evidence_on_site": Text("现场查看", "Seen on site"),
    "note": Text("备注", "Note"),
    "choose_answer": Text("请先选有、无或不明。", "Choose yes, no or unknown first."),
    "record_this": Text("记下这一项", "Record this"),
    "kept_here": Text("已记下：{question}", "Recorded: {question}"),
    "not_kept": Text(
        "平板没能存下：{why}。内容还在这一屏，请腾出空间再试。",
        "The tablet could not keep it: {why}. It still stands here; make room and try again.",
    ),
    "contradicts_no_owners_committee": Text(
        "选了“无”，任期却到 {date}，两处说法不一致", '"No" is chosen, but the term runs until {date}'
    ),
    "contradicts_no_property_management": Text(
        "选了“无”，合同却到 {date}，两处说法不一致", '"No" is chosen, but the contract runs until {date}'
    ),
    "contradicts_yes_owners_committee": Text(
        "选了“有”，任期却在 {date} 已满，两处说法不一致",
        '"Yes" is chosen, but the term ended on {date}',
    ),
    "contradicts_yes_property_management": Text(
        "选了“有”，合同却在 {date} 已到期，两处说法不一致",
        '"Yes" is chosen, but the contract ended on {date}',
    ),
    "contradiction_more": Text(
        "可以照记；请在备注里写明看到了什么，由社区改期限。",
        "It can be recorded; say in the note what you saw, so that the neighbourhood mends the dates.",
    ),
    # Fields
    "field_property_management": Text("物业企业", "Property company"),
    "field_owners_committee": Text("业委会", "Owners' committee"),
    "field_residents_group": Text("居民小组", "Residents' group"),
    "field_party_branch": Text("党支部", "Party branch"),
    "field_party_work": Text("党的工作", "Party work"),
    "field_pilot": Text("试点", "Pilot"),
    "field_shared": Text("调解室共用", "Room shared"),
    "change_to": Text("{title}：{from} → {to}", "{title}: {from} → {to}"),
    "change_same": Text("{title}：仍是{to}", "{title}: still {to}"),
    # Outbox
    "outbox_n": Text("{n} 条，只发一次，不会重复", "{n}; each is sent once"),
    "outbox_none": Text("没有等着送的", "Nothing waits"),
    "outbox_others": Text(
        "另有 {n} 条是别人记的，等他登录后再送。",
        "{n} more are somebody else's, and sent when they sign in.",
    ),
    "send_now": Text("现在送", "Send now"),
    "state_waiting": Text("等网络", "waits for a network"),
    "state_queued": Text("排队送", "in the queue"),
    "state_sending": Text("正在送", "being sent"),
    "state_sent": Text("已送达", "sent"),
    "state_refused": Text("没收下，要改", "refused: mend it"),
    "state_conflict": Text("另一人先改了", "somebody was first"),
    "state_left": Text("以已有的为准，您的留在这里", "the other one counts; yours is kept here"),
    "somebody_was_first": Text("另一人先改了", "somebody was first"),
    "see_conflict": Text("看冲突", "See both"),
    "mend": Text("改一改", "Mend"),
    "drop": Text("不要了", "Drop"),
    "drop_confirm": Text("不送这一条了？{change}", "Drop this one? {change}"),
    "arrived_today": Text("今天已送达 {n} 条", "{n} sent today"),
    "arrived_last": Text("最后一条 {at}，均有回执", "The last at {at}; each with a receipt"),
    "receipt": Text("回执：第 {version} 版", "receipt: version {version}"),
    # Conflict
    "which_counts": Text("以哪个为准？", "Which one counts?"),
    "which_counts_more": Text(
        "{who}也改了这一项。逐项选，没选的一份也会留存，以后能查到。",
        "{who} changed it too. Choose field by field; what is not chosen is kept, and can be looked up.",
    ),
    "somebody": Text("别人", "Somebody"),
    "item": Text("项目", "Item"),
    "yours": Text("您记的", "Yours"),
    "theirs": Text("已有的", "Theirs"),
    "on_this_tablet": Text("本机", "this tablet"),
    "not_filled": Text("没有填", "not filled in"),
    "feature_gone": Text(
        "这一处已经从名单里删去，您的记录送不进去。",
        "It was taken off the list meanwhile: your record cannot be added.",
    ),
    "leave_for_now": Text("先放着", "Leave it for now"),
    "merge": Text("按所选合并", "Merge as chosen"),
    "merged": Text("已按所选合并，待发送", "Merged as chosen; to be sent"),
    "left_theirs": Text(
        "以已有的为准，您的一份留在待发送页", "The other counts; yours is kept in the outbox"
    ),
    "loser_note": Text("（没选的一份：{what}）", "(Not chosen: {what})"),
    "past": Text("这一项以前的记录", "Earlier records of this"),
    "past_offline": Text("联网后可看以前的记录。", "Earlier records can be seen online."),
    # Package
    "package": Text("离线包", "Package"),
    "package_have": Text("已带走：{area}", "Taken along: {area}"),
    "package_none": Text("还没有带走", "Nothing taken along"),
    "package_not_taken": Text("没有带走", "Not taken along"),
    "package_not_yours": Text("您的角色不能带走。", "Your role may not take it along."),
    "package_when_online": Text("联网后可以带走", "It can be taken once there is a network"),
    "package_holds": Text(
        "地图、{communities} 个小区、{tasks} 项任务", "Map, {communities} communities, {tasks} tasks"
    ),
    "about_size": Text("约 {size}", "about {size}"),
    "package_good": Text("签名有效，至 {date}，还有 {n} 天", "Signature good; until {date}, {n} days left"),
    "package_expired": Text(
        "{date} 已过期：只能看，不能记新的", "Expired on {date}: to be read, not added to"
    ),
    "package_made": Text("{at} 打包，第 {version} 版", "Made on {at}, version {version}"),
    "package_key": Text("公钥 {kid}", "Key {kid}"),
    "package_newer": Text("服务器上有更新的内容。", "There is something newer on the server."),
    "package_update": Text("更新", "Update"),
    "package_wipe": Text("清除离线包", "Wipe the package"),
    "package_wipe_confirm": Text(
        "清除离线包？待发送的记录不受影响。", "Wipe the package? What waits to be sent stays."
    ),
    "package_coming": Text("正在带走，{share}%", "Coming, {share}%"),
    "package_taken": Text("已带走，签名有效", "Taken along; the signature is good"),
    "package_privacy": Text(
        "包里没有诉求内容、联系方式和照片；平板停用后，下次联网即清除。",
        "No complaint texts, contact data or photos are in it; on a revoked tablet it is wiped at the next contact.",
    ),
    "package_other_key": Text(
        "服务器的签名公钥和第一次带走时不同，没有收下。请问管理员；确认无误后先清除离线包再带走。",
        "The server's key is not the one of the first time: nothing was kept. Ask an administrator; if all is well, "
        "wipe the package and take it anew.",
    ),
    "package_bad_signature": Text("签名不对，没有收下。", "The signature is wrong; nothing was kept."),
    "package_damaged": Text(
        "内容与签名不符，没有收下。", "The content is not what was signed; nothing was kept."
    ),
    "package_not_one": Text("服务器给的不是离线包。", "What the server gave is no package."),
    "package_too_old": Text("服务器给的包已经过期。", "The package that the server gave has expired."),
    "package_not_any_more": Text(
        "下载期间这台平板、账号或范围有变，没有收下。",
        "While it came, this tablet, its account or its area was changed; nothing was kept.",
    ),
    "package_cut_off": Text(
        "传到一半断了，请再试；原来的包没有动。", "It was cut off; try again. The old one is as it was."
    ),
    "package_no_room": Text("平板空间不够，没有收下。", "There is no room on the tablet; nothing was kept."),
    "package_no_network": Text("没取到，请在有网络时再试。", "It did not come; try again with a network."),
    "insecure_package": Text(
        "http 网址不能带走：浏览器只让 https 网页离线。请让管理员用 wangge cert 开通 https。",
        "Nothing can be taken along over plain http: browsers keep only https pages. Ask for https (wangge cert).",
    ),
    "works_offline": Text("没有网络也能做", "Without a network"),
    "works_offline_more": Text(
        "看地图和名单，核实事实，写备注。关机、没电都不会丢，联网后自动送出。",
        "Map and list, verifying, notes. Nothing is lost when the battery dies; it is sent when the network is back.",
    ),
    "works_offline_http": Text(
        "网络断了，已打开的页面里仍能记，记下的不会丢；但不要刷新或关掉。",
        "In a page that is open you can still record, and nothing is lost; do not reload or close it.",
    ),
    # Answers of the server
    "no_network": Text("没有网络", "No network"),
    "refused_status": Text("服务器没收下（{status}）", "The server refused it ({status})"),
}


def field_words(language: Language) -> dict[str, str]:
    """Return every sentence of the tablet's page in `language`."""
    return {key: text.to(language) for key, text in WORDS.items()}
