"""The sentences of the pages about accounts, Chinese and English side by side."""

from __future__ import annotations

from layers.text import Language, Text

WORDS: dict[str, Text] = {
    # Frame
    "brand": Text("网格", "Wangge"),
    "skip_main": Text("跳到内容", "Skip to the content"),
    "places": Text("页面", "Pages"),
    "map": Text("地图", "Map"),
    "data": Text("导入数据", "Import data"),
    "my_account": Text("我的账号", "My account"),
    "accounts": Text("账号", "Accounts"),
    "devices": Text("设备", "Devices"),
    "keys_title": Text("密钥", "Keys"),
    "audit": Text("审计日志", "Audit log"),
    "sign_in": Text("登录", "Sign in"),
    "sign_out": Text("退出", "Sign out"),
    "never": Text("从未", "never"),
    "none": Text("无", "none"),
    "actions_column": Text("操作", "Actions"),
    # Signing in
    "name": Text("用户名", "Name"),
    "password": Text("密码", "Password"),
    "password_or_code": Text(
        "第一次登录，或密码已被重置：填管理员给您的初始码。",
        "First sign-in, or after a reset: type the initial code that your administrator gave you.",
    ),
    "sign_in_openid": Text("用{title}登录", "Sign in with {title}"),
    "openid": Text("统一身份", "your organisation's account"),
    "no_account": Text("没有账号？公开的数字不用登录。", "No account? Public figures need none."),
    "see_public": Text("看公开地图", "See the public map"),
    "signed_in_as": Text("您已登录为 {name}。", "You are signed in as {name}."),
    "go_on": Text("继续", "Continue"),
    "second_step": Text("输入验证码", "Type the code"),
    "code": Text("验证码", "Code"),
    "code_hint": Text(
        "手机验证器显示的 6 位数字；手机不在身边时，用一个恢复码。",
        "The 6 digits that the app on your phone shows; without the phone, a recovery code.",
    ),
    "start_again": Text("重新登录", "Start again"),
    "enrol": Text("登记这台设备", "Enrol this device"),
    "enrol_text": Text(
        "登记后，这个浏览器就是管理员添加的那块大屏或那台平板，直到管理员撤销。",
        "Once enrolled, this browser is the wall screen or tablet that an administrator added, until it is revoked.",
    ),
    "device_code": Text("设备码", "Device code"),
    "enrol_do": Text("登记", "Enrol"),
    # Account
    "role": Text("角色", "Role"),
    "area": Text("范围", "Area"),
    "title": Text("姓名或职务", "Person or post"),
    "last_sign_in": Text("上次登录", "Last sign-in"),
    "choose_first": Text("先设置密码", "First choose a password"),
    "choose_first_text": Text(
        "设置密码以后，才能使用其他页面。", "Other pages open once you have chosen a password."
    ),
    "choose_name": Text("设置用户名和密码", "Choose a name and a password"),
    "choose_name_text": Text(
        "您是通过一次性链接进来的管理员。链接已失效：请现在设置，以后凭用户名和密码登录。",
        "You came in as administrator by the one-time link, which is spent: choose now what you will sign in with.",
    ),
    "name_hint": Text("汉字、字母、数字，如 张敏 或 zhang.min。", "Letters and digits, such as zhang.min."),
    "change_password": Text("修改密码", "Change the password"),
    "old_password": Text("现密码", "Present password"),
    "new_password": Text("新密码", "New password"),
    "new_password_hint": Text(
        "至少 8 个字符；几个不相干的词连在一起，好记又难猜。",
        "At least 8 characters; a few unrelated words are easy to keep and hard to guess.",
    ),
    "again": Text("再输一次", "Once more"),
    "save": Text("保存", "Save"),
    "password_ends": Text("保存后，其他地方的登录都会退出。", "Saving signs you out everywhere else."),
    "second_factor": Text("两步验证", "Second factor"),
    "second_on": Text("已启用", "On"),
    "second_off": Text("未启用", "Off"),
    "second_text": Text(
        "登录时除密码外，再输入手机验证器显示的 6 位数字。密码泄露了，别人也进不来。",
        "Besides the password, signing in asks for 6 digits that an app on your phone shows: a stolen password is not enough.",
    ),
    "second_proof": Text(
        "先确认是您本人：捡到您没退出的电脑的人，不能用自己的手机把您挡在外面。",
        "To make sure that it is you: whoever finds your session open cannot keep you out with a phone of their own.",
    ),
    "second_begin": Text("启用两步验证", "Turn it on"),
    "second_remove": Text("停用两步验证", "Turn it off"),
    "second_scan": Text("用手机验证器扫码", "Scan it with the app on your phone"),
    "second_scan_text": Text(
        "任何支持 TOTP 的验证器都可以，不需要联网。扫不了就手工输入密钥。",
        "Any TOTP authenticator will do, without a network. Where scanning fails, type the secret.",
    ),
    "qr": Text("二维码", "QR code"),
    "secret": Text("密钥", "Secret"),
    "second_code": Text("验证器现在显示的 6 位数字", "The 6 digits that the app shows now"),
    "second_confirm": Text("确认启用", "Confirm"),
    "recovery": Text("恢复码", "Recovery codes"),
    "recovery_text": Text(
        "两步验证已启用。手机丢了或换了，用下面的恢复码登录，每个只能用一次。它们只显示这一次：请打印或抄下来，不要存在手机里。",
        "The second factor is on. Without the phone, sign in with one of these codes; each works once. They are shown "
        "only now: print or copy them, and do not keep them on the phone.",
    ),
    "recovery_done": Text("已保存，回到账号", "Kept: back to my account"),
    "sessions": Text("登录中的浏览器", "Browsers signed in"),
    "this_browser": Text("这个浏览器", "this browser"),
    "since": Text("登录时间", "Since"),
    "last_used": Text("最近使用", "Last used"),
    "from_address": Text("来自", "From"),
    "browser": Text("浏览器", "Browser"),
    "end": Text("结束", "End"),
    "keys_mine": Text("由您负责的密钥", "Keys you answer for"),
    "keys_mine_text": Text(
        "程序用它们以您的名义取数据；由管理员添加和撤销。",
        "Programs read data with them on your behalf; administrators add and revoke them.",
    ),
    # Accounts
    "accounts_count": Text("共 {n} 个账号", "{n} accounts"),
    "add_account": Text("添加账号", "Add an account"),
    "add_account_text": Text(
        "添加后会显示一个初始码，交给本人；本人凭它登录并设置密码，之后它就作废。",
        "You will get an initial code to hand to the person, who signs in with it and chooses a password: then it is void.",
    ),
    "title_hint": Text("可不填", "Optional"),
    "area_hint": Text(
        "街道、社区、小区或网格的名称或编码，多个用顿号隔开；全区角色留空。",
        "Names or codes of subdistricts, neighbourhoods, communities or cells, with commas; empty for roles of the whole district.",
    ),
    "choose": Text("请选择", "Choose"),
    "add": Text("添加", "Add"),
    "state": Text("状态", "State"),
    "state_disabled": Text("已停用", "disabled"),
    "state_locked": Text("锁定至 {at}", "locked until {at}"),
    "state_waiting": Text("等待首次登录", "waits for its first sign-in"),
    "state_ok": Text("正常", "in use"),
    "two_step_short": Text("两步验证", "second factor"),
    "open": Text("管理", "Manage"),
    "change_role": Text("角色和范围", "Role and area"),
    "rename": Text("更改姓名或职务", "Change person or post"),
    "rename_text": Text(
        "显示在用户名旁边，换人、改职务时更新；更改记入审计日志。用户名不变，历史和日志靠它。",
        "Shown beside the name: change it with the person or the post; the change is in the audit log. The name itself stays, "
        "as history and log go by it.",
    ),
    "change_role_text": Text(
        "更改后，此人须重新登录，其密钥和平板作废，需要的话请重新添加。",
        "The person has to sign in again; keys and tablets are revoked: add them anew where they are needed.",
    ),
    "reset": Text("重置", "Reset"),
    "reset_text": Text(
        "忘记密码、丢了手机或账号被锁时用：密码和两步验证清除，登录全部退出，密钥和平板撤销，给出新的初始码。",
        "For a forgotten password, a lost phone or a lock: password and second factor go, all sessions end, keys and "
        "tablets are revoked, and there is a new initial code.",
    ),
    "reset_do": Text("重置账号", "Reset the account"),
    "disable": Text("停用", "Disable"),
    "disable_text": Text(
        "立即退出全部登录，撤销密钥和平板；以后可再启用。",
        "Ends all sessions and revokes keys and tablets at once; it can be enabled again.",
    ),
    "disable_do": Text("停用账号", "Disable the account"),
    "enable_text": Text("账号已停用，登录会被拒绝。", "The account is disabled: signing in is refused."),
    "enable_do": Text("重新启用", "Enable it again"),
    "openid_link": Text("统一登录身份", "OpenID identity"),
    "openid_text": Text(
        "此人在统一登录服务中的标识（sub）；填写后可用统一登录，留空则取消。",
        "Who this is at the provider (its sub): with it the person may sign in there; empty takes it away.",
    ),
    "openid_subject": Text("标识（sub）", "Subject (sub)"),
    "confirm": Text("我确定", "I am sure"),
    "back_accounts": Text("全部账号", "All accounts"),
    "code_once": Text("{name} 的初始码", "Initial code of {name}"),
    "code_once_text": Text(
        "只显示这一次，72 小时内有效，用过即失效。请当面或打电话交给本人，不要连同用户名一起发。",
        "Shown only now; it works once, within 72 hours. Hand it over in person or by telephone, not together with the name.",
    ),
    "initial_code": Text("初始码", "Initial code"),
    "sign_in_at": Text("登录网址", "Sign in at"),
    # Devices
    "add_device": Text("添加设备", "Add a device"),
    "add_device_text": Text(
        "添加后会显示一个登记链接，在那台设备上打开一次即可。",
        "You will get a link to open once on that device.",
    ),
    "device_kind": Text("种类", "Kind"),
    "wall": Text("大屏", "Wall screen"),
    "wall_what": Text("只看全区汇总，不能下载", "the district's aggregates only, nothing to take away"),
    "tablet": Text("平板", "Tablet"),
    "tablet_what": Text("属于一个人，权限不超过此人", "one person's, with no more rights than theirs"),
    "device_title": Text("名称", "Name"),
    "device_title_hint": Text("如“指挥大厅东墙”“平板 07”", "Such as “hall, east wall” or “tablet 07”"),
    "person": Text("使用人", "Person"),
    "person_hint": Text("仅平板", "Tablets only"),
    "device_area": Text("缩小范围", "Narrow the area"),
    "device_area_hint": Text(
        "可不填；仅平板，只能在使用人的范围之内。", "Optional; tablets only, within the person's area."
    ),
    "last_contact": Text("最近联系", "Last contact"),
    "enrolled": Text("已登记", "enrolled"),
    "not_enrolled": Text("等待登记", "waits to be enrolled"),
    "revoked": Text("已撤销", "revoked"),
    "revoke": Text("撤销", "Revoke"),
    "device_once": Text("登记 {title}", "Enrol {title}"),
    "device_once_text": Text(
        "在那台设备的浏览器里打开这个链接，或扫码。只显示这一次，72 小时内有效，用过即失效。",
        "Open this link in that device's browser, or scan it. Shown only now; it works once, within 72 hours.",
    ),
    "enrol_link": Text("登记链接", "Link"),
    "back_devices": Text("全部设备", "All devices"),
    "no_devices": Text("还没有设备。", "There are no devices yet."),
    # Keys
    "add_key": Text("添加密钥", "Add a key"),
    "add_key_text": Text(
        "程序凭密钥读接口：请求头 Authorization: Bearer 密钥。权限不超过负责人；给别人的只能用于汇总。",
        "A program sends it as Authorization: Bearer KEY. It never has more rights than the person who answers for it; "
        "somebody else's may be for aggregates only.",
    ),
    "key_title": Text("用途", "What for"),
    "key_account": Text("负责人", "Who answers for it"),
    "key_scopes": Text("可以做什么", "What it may do"),
    "key_expires": Text("有效期至（含）", "Valid up to and including"),
    "key_expires_hint": Text("可不填；写成 2026-12-31", "Optional; like 2026-12-31"),
    "key_once": Text("密钥：{title}", "Key: {title}"),
    "key_once_text": Text(
        "只显示这一次，服务器不保存原文。请直接放进程序的设置，不要写进网址。",
        "Shown only now; the server keeps no copy. Put it into the program's settings, never into an address.",
    ),
    "key": Text("密钥", "Key"),
    "back_keys": Text("全部密钥", "All keys"),
    "no_keys": Text("还没有密钥。", "There are no keys yet."),
    "expires": Text("到期", "Expires"),
    # Audit
    "audit_text": Text(
        "共 {n} 条。谁、何时、做了什么、为什么；查看日志本身也会记入日志。",
        "{n} entries: who did what, when and why. Reading the log is itself recorded.",
    ),
    "audit_who": Text("谁（用户名）", "Who (name)"),
    "audit_action": Text("动作", "Action"),
    "all": Text("全部", "All"),
    "from_day": Text("从（日期）", "From (day)"),
    "to_day": Text("到（日期）", "To (day)"),
    "filter": Text("筛选", "Filter"),
    "csv": Text("下载 CSV", "Download CSV"),
    "older": Text("更早的", "Older"),
    "newest": Text("最新的", "Newest"),
    "no_entries": Text("没有符合的记录。", "No entries match."),
    "verify": Text("检查完整性", "Verify the log"),
    "verified": Text(
        "日志完整：{n} 条首尾相接，未被改动。", "The log is whole: {n} entries follow one another unchanged."
    ),
    "not_whole": Text("日志有问题：", "The log is not whole:"),
    "head": Text("末条 {seq} 的校验值", "Hash of the last entry, {seq}"),
    "head_text": Text(
        "定期抄到别处；以后 wangge audit verify 能据此发现整本日志被重做。",
        "Note it elsewhere from time to time: `wangge audit verify` can then tell whether the whole log was made anew.",
    ),
}

NOTICES: dict[str, Text] = {
    "password": Text(
        "密码已修改，其他地方的登录已退出。", "The password is changed; you are signed out everywhere else."
    ),
    "set_up": Text(
        "设置完毕。以后凭用户名和密码登录。", "Done. From now on sign in with this name and password."
    ),
    "second_factor_off": Text("两步验证已停用。", "The second factor is off."),
    "session_ended": Text("已结束。", "Ended."),
    "title": Text("已改姓名或职务。", "The person or post was changed."),
    "role": Text(
        "角色和范围已更改，登录已结束，密钥和平板已作废。",
        "Role and area are changed; sessions have ended, keys and tablets are revoked.",
    ),
    "disabled": Text("账号已停用。", "The account is disabled."),
    "enabled": Text("账号已启用。", "The account is enabled."),
    "openid": Text("统一登录身份已更改。", "The OpenID identity is changed."),
    "device_revoked": Text("设备已撤销。", "The device is revoked."),
    "key_revoked": Text("密钥已撤销。", "The key is revoked."),
}

AUDIT_COLUMNS: dict[str, Text] = {
    "seq": Text("序号", "number"),
    "at": Text("时间", "time"),
    "name": Text("谁", "who"),
    "role": Text("角色", "role"),
    "via": Text("凭什么", "by"),
    "action": Text("动作", "action"),
    "what": Text("对象", "what"),
    "layer": Text("图层", "layer"),
    "count": Text("行数", "rows"),
    "codes": Text("编码", "codes"),
    "fields": Text("字段", "fields"),
    "purpose": Text("用途", "purpose"),
    "origin": Text("来自", "from"),
    "outcome": Text("结果", "outcome"),
    "actor": Text("账号编号", "account"),
    "hash": Text("校验值", "hash"),
}
"""The columns of the log as a table."""

AUDIT_ACTIONS: dict[str, Text] = {
    "sign_in": Text("登录", "signed in"),
    "sign_in_failed": Text("登录失败", "sign-in failed"),
    "sign_out": Text("退出", "signed out"),
    "locked": Text("账号锁定", "account locked"),
    "password": Text("设置密码", "password chosen"),
    "totp": Text("两步验证", "second factor"),
    "session_ended": Text("结束会话", "session ended"),
    "start_link": Text("一次性链接", "one-time link"),
    "account_added": Text("添加账号", "account added"),
    "account_changed": Text("更改账号", "account changed"),
    "account_disabled": Text("停用账号", "account disabled"),
    "account_enabled": Text("启用账号", "account enabled"),
    "account_reset": Text("重置账号", "account reset"),
    "device_added": Text("添加设备", "device added"),
    "device_enrolled": Text("登记设备", "device enrolled"),
    "device_revoked": Text("撤销设备", "device revoked"),
    "key_added": Text("添加密钥", "key added"),
    "key_revoked": Text("撤销密钥", "key revoked"),
    "saved_added": Text("存下一项", "saved"),
    "saved_changed": Text("改存下的一项", "saved thing changed"),
    "saved_removed": Text("删存下的一项", "saved thing removed"),
    "package": Text("带走离线包", "package taken along"),
    "view_guarded": Text("查看受保护字段", "guarded fields viewed"),
    "write_facts": Text("核实、改动事实", "facts verified or changed"),
    "export": Text("导出", "exported"),
    "change": Text("更改数据", "data changed"),
    "refused": Text("被拒绝", "refused"),
    "backup": Text("备份", "backup"),
    "restore": Text("恢复", "restore"),
    "copy": Text("复制", "copy"),
    "migrate": Text("迁移", "migrate"),
    "init": Text("新建", "init"),
    "demo": Text("生成演示区", "demo"),
    "retention": Text("到期删除", "retention"),
    "audit_read": Text("查看日志", "log read"),
}

OUTCOMES: dict[str, Text] = {
    "done": Text("完成", "done"),
    "refused": Text("拒绝", "refused"),
    "failed": Text("失败", "failed"),
}

VIA: dict[str, Text] = {
    "nobody": Text("未登录", "not signed in"),
    "session": Text("登录", "session"),
    "key": Text("密钥", "key"),
    "device": Text("设备", "device"),
    "operator": Text("命令行", "command line"),
}


def account_words(language: Language) -> dict[str, str]:
    """Return every sentence of these pages in `language`."""
    return {key: text.to(language) for key, text in WORDS.items()}
