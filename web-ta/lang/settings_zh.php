<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What the settings of config.toml mean, in Chinese, by the daemon's own words.

return [
    'Where frames come from.' =>
        '数据帧的来源。',
    'Interfaces to watch. None means br-lan where there is one, and otherwise the interface of the default route.' =>
        '要监视的接口。不填时使用 br-lan（如有），否则使用默认路由的接口。',
    'How they are watched. "tap": every frame, with its exact time. "heads": the first packets of each session by a table of nftables that the daemon brings (`weir nft` shows it), and conntrack\'s counters; less work for a router, which has to be one. "auto": heads where the kernel has what they need, otherwise tap; the log says why.' =>
        '监视方式。"tap"：每一帧，时间精确。"heads"：由守护进程自带的 nftables 表（weir nft 可显示）获取每个会话的首批数据包，流量取自 conntrack 计数；对路由器负担较小，但本机必须是路由器。"auto"：内核支持时用 heads，否则用 tap；原因见日志。',
    'For heads: packets of each session that are looked at.' =>
        '用于 heads：每个会话检查的数据包数。',
    'For heads: the group of NFLOG. Each program needs one of its own.' =>
        '用于 heads：NFLOG 的组号。每个程序需要各自的组。',
    'For heads: how often conntrack\'s counters are read; more rarely, down to an eighth as often, where there are thousands of flows.' =>
        '用于 heads：读取 conntrack 计数的间隔；有数千条流时会放慢，最慢为八分之一。',
    'For heads: flows whose counters are remembered, 56 bytes each. The volume of others is known when they end.' =>
        '用于 heads：记住计数的流数，每条 56 字节。其余的流在结束时才知道流量。',
    'For tap: only frames that match this filter (pcap-filter(7)) are looked at.' =>
        '用于 tap：只检查符合此过滤器（pcap-filter(7)）的帧。',
    'Bytes of each frame that are captured. Names lie in the first packets, which offload may join to longer frames than the network carries; volumes are right whatever this is.' =>
        '每帧捕获的字节数。名称位于首批数据包中，网卡卸载可能将它们合并成比网络上更长的帧；无论取值如何，流量都是准确的。',
    'Memory for frames that wait in the kernel, for each interface.' =>
        '每个接口在内核中等待的帧所用的内存。',
    'Whether to see frames that are for others, as a mirror port needs.' =>
        '是否接收发给其他设备的帧，镜像端口需要开启。',
    'Tunnels whose inner packets are sessions of their own. What they carry then counts once, for the inner sessions.' =>
        '内部数据包作为独立会话的隧道。其中的流量只计入内部会话一次。',
    'Datagrams in pieces that wait for the rest, at most this many…' =>
        '最多等待其余部分的分片数据报数…',
    '…and this much of them.' =>
        '…及其总大小。',
    'Sessions and what is made of them.' =>
        '会话及其处理。',
    'Sessions at once; each takes up to 350 bytes with its name. One more pushes out the one that would expire first, which is then written with the reason "evicted".' =>
        '同时存在的会话数；每个连同名称最多占 350 字节。超出时，最先到期的会话被挤出，并以原因 "evicted" 写入。',
    'A TCP connection that was silent for this long is over.' =>
        'TCP 连接静默这么久后视为结束。',
    'TCP that is only being opened, or was closed by one side.' =>
        '正在建立或已被一方关闭的 TCP。',
    'TCP that is over, until its last packets have passed.' =>
        '已结束的 TCP，等待其最后的数据包通过。',
    'UDP, ICMP and all that has no connections.' =>
        'UDP、ICMP 及所有无连接的协议。',
    'A session that is this old is written down while it goes on…' =>
        '会话持续这么久时，在进行中写入一次…',
    '…and again each time this has passed.' =>
        '…此后每隔这么久再写一次。',
    'TCP streams that are read at once, about 300 bytes each and what waits in them.' =>
        '同时读取的 TCP 流数，每个约 300 字节，外加其中等待的数据。',
    'What waits in all streams together…' =>
        '所有流中等待的数据总量…',
    '…and in one direction of one stream. 65,537 bytes hold the largest message of DNS.' =>
        '…以及单个流单个方向上的量。65,537 字节可容纳最大的 DNS 消息。',
    'Devices remembered; each takes about 500 bytes with its names.' =>
        '记住的设备数；每台连同名称约占 500 字节。',
    'What devices are called, and who made them.' =>
        '设备的名称和制造商。',
    'The table of who made which network card, which `scripts/oui.py` makes; relative to this file. Without that file no device has a maker.' =>
        '网卡制造商表，由 scripts/oui.py 生成；相对于此文件。没有该文件时不显示制造商。',
    'File with what people say of their devices: what they are called, and how much of each is written down; relative to this file. The pages change it.' =>
        '记录人们对设备的称呼以及每台设备记录多少内容的文件；相对于本文件。由页面更改。',
    'The file with dnsmasq\'s leases, whose names go before all others; it is read again when it changes. "/tmp/dhcp.leases" on OpenWrt, "" for none.' =>
        'dnsmasq 的租约文件，其中的名称优先于其他；更改时重新读取。OpenWrt 上为 "/tmp/dhcp.leases"，"" 表示没有。',
    'DNS and the names it gives.' =>
        'DNS 及其给出的名称。',
    'Questions that wait for their answer; each takes about 400 bytes.' =>
        '等待应答的查询数；每个约占 400 字节。',
    'A question without an answer is written down after this.' =>
        '没有应答的查询在此时间后写入。',
    'Names remembered, per device and address; each takes about 150 bytes.' =>
        '按设备和地址记住的名称数；每个约占 150 字节。',
    'How long a name is remembered after its last answer. Connections outlive the time that DNS gives.' =>
        '名称在最后一次应答后记住多久。连接会比 DNS 给出的时间更长。',
    'Apps and their signatures.' =>
        '应用及其特征。',
    'The file with the signatures; relative to this file.' =>
        '特征文件；相对于此文件。',
    'Features that it may hold; each takes about 400 bytes.' =>
        '特征文件可包含的特征数；每条约占 400 字节。',
    'An app that was silent for this long is no longer in use.' =>
        '应用静默这么久后不再算作使用中。',
    'Pairs of a device and an app in use at once; each takes about 200 bytes.' =>
        '同时使用中的设备与应用组合数；每个约占 200 字节。',
    'What answers at which address and port: a row for each, with what it says it is.' =>
        '在哪个地址和端口上有应答：每个一行，附其自称。',
    '"lan": what answers in the LAN. "all": everywhere; then the requests of all HTTP are read, not only the first. "off": no such rows.' =>
        '"lan"：局域网内应答的。"all"：所有的；此时读取全部 HTTP 请求，而不仅是第一个。"off"：不记录。',
    'Whether to keep how the first answer of HTTP begins, with the title of its page, and the bytes by which a server greets. There may be anything in these, private things too.' =>
        '是否保留首个 HTTP 应答的开头及网页标题，以及服务器问候的字节。其中可能有任何内容，包括隐私。',
    'What says nothing new is written again after this.' =>
        '没有新内容的服务在此时间后再次写入。',
    'Services remembered; each takes about 500 bytes, and up to 5,000 with deep. Of more the one that was silent longest is forgotten.' =>
        '记住的服务数；每个约占 500 字节，开启 deep 时最多 5,000。超出时遗忘静默最久的。',
    'Where servers are, by files of MaxMind\'s format (.mmdb) that you bring: the sessions then have their country and autonomous system.' =>
        '服务器的位置，由您提供的 MaxMind 格式（.mmdb）文件确定：会话将带有国家和自治系统。',
    'A file of countries, "" for none; relative to this file.' =>
        '国家文件，"" 表示没有；相对于此文件。',
    'A file of autonomous systems, "" for none.' =>
        '自治系统文件，"" 表示没有。',
    'Addresses remembered with where they are; each takes about 120 bytes.' =>
        '记住位置的地址数；每个约占 120 字节。',
    'Where records go.' =>
        '记录写入何处。',
    '"sqlite", "mariadb" or "none".' =>
        '"sqlite"、"mariadb" 或 "none"。',
    'Records that wait while the store is busy or away; each takes up to about 500 bytes. Beyond that they are lost and counted.' =>
        '存储繁忙或不可用时等待的记录数；每条最多约 500 字节。超出的会丢失并计数。',
    'Records written at once.' =>
        '一次写入的记录数。',
    'Also a row for each handshake of TLS and QUIC, and for each request of HTTP. The names in them are with the sessions anyway; this can double what is written.' =>
        '另外为每次 TLS 和 QUIC 握手以及每个 HTTP 请求写一行。其中的名称反正已在会话中；写入量可能翻倍。',
    'How long records wait to be written together.' =>
        '记录等待一起写入的时间。',
    'Older records are deleted, but for volumes.' =>
        '更早的记录会被删除，但流量除外。',
    'The oldest records are deleted while the database is larger than this many megabytes.' =>
        '数据库超过这么多 MB 时，删除最旧的记录。',
    'Megabytes that a day may write to lasting storage, of SQLite; 0 for as many as it takes. Towards it records are collected for longer, an hour at most, or the copy waits for the next day.' =>
        '每天可写入 SQLite 持久存储的 MB 数；0 表示不限。接近时记录会攒得更久，最多一小时，或者副本推迟到次日。',
    'Volumes by device and app, which stay when what they were made of is deleted: by minute, then by hour, day and month.' =>
        '按设备和应用的流量，在其来源被删除后仍保留：先按分钟，再按小时、天和月。',
    'Volumes by minute are kept for this long…' =>
        '按分钟的流量保留这么久…',
    '…by hour this long…' =>
        '…按小时的保留这么久…',
    '…by day…' =>
        '…按天的…',
    '…and by month.' =>
        '…以及按月的。',
    'Pairs of a device and an app in one hour, day or month; each takes about 35 bytes. The smallest of more are one row together.' =>
        '每小时、每天或每月的设备与应用组合数；每个约占 35 字节。超出时，最小的合为一行。',
    'They have at most this part of max_mb, of 100. Beyond it hours become days before their time, and days months.' =>
        '它们最多占 max_mb 的百分之几。超出时，小时提前并为天，天提前并为月。',
    'The database file, for kind = "sqlite".' =>
        '数据库文件，用于 kind = "sqlite"。',
    'Relative to this file. Flash wears out: /tmp is memory on OpenWrt.' =>
        '相对于此文件。闪存会磨损：在 OpenWrt 上 /tmp 是内存。',
    'A copy on lasting storage, "" for none. It is read back at the start when there is no database, as after a reboot.' =>
        '持久存储上的副本，"" 表示没有。启动时若没有数据库（如重启后），会从中读回。',
    'The copy is written as often, whole, and at the end. More rarely where write_budget asks for it, but at the end always.' =>
        '副本整体写入的间隔，结束时也写。write_budget 要求时会放慢，但结束时总会写。',
    'The database server, for kind = "mariadb".' =>
        '数据库服务器，用于 kind = "mariadb"。',
    'Its name or address; not used when there is a socket.' =>
        '其名称或地址；有 socket 时不使用。',
    'Its port.' =>
        '其端口。',
    'Path of its socket, instead of host and port.' =>
        '其套接字路径，代替主机和端口。',
    'The database, which must exist.' =>
        '数据库，必须已存在。',
    'The daemon\'s account; it creates the tables.' =>
        '守护进程的账户；它会创建表。',
    'Its password.' =>
        '其密码。',
    'File with the certificates (PEM) of who signs the server\'s. With it the connection is TLS, and the server has to be who it is called; "" for none. Needs a weir with the feature mariadb-tls.' =>
        '服务器证书签发者的证书文件（PEM）。有此文件时使用 TLS 连接，且服务器必须与其名称相符；"" 表示没有。需要带 mariadb-tls 功能的 weir。',
    'How long a connection may take to come about.' =>
        '建立连接的最长时间。',
    'The account for the pages, which needs SELECT only. None means the one above.' =>
        '页面使用的账户，只需 SELECT 权限。不填则使用上面的账户。',
    'Whether what the policies below say is done.' =>
        '是否执行下面策略的规定。',
    'Off: policies are not even looked at.' =>
        '关闭：完全不看策略。',
    'How it is done. "rules": by nftables and conntrack, on the router that forwards the traffic. "resets": connections of TCP are ended by frames in the name of both ends, from beside their way, as at a mirror port. These need every frame (source "tap" or "auto") in Ethernet or as bare IP. UDP, and so QUIC, can\'t be stopped by them, nor what is inside tunnels; `weir status` counts both.' =>
        '阻断方式。"rules"：在转发流量的路由器上，使用 nftables 和 conntrack。"resets"：从旁路（如镜像端口）以双方名义发送帧来结束 TCP 连接，需要以太网或裸 IP 的每一帧（source 为 "tap" 或 "auto"）。UDP（因而 QUIC）以及隧道内的流量无法这样阻断；weir status 会统计两者。',
    'For resets: the interface that they are sent by, where that which is watched only receives, as some mirror ports do. "" for the one that the segment came by.' =>
        '用于 resets：在被监视接口只能接收时（如某些镜像端口），用于发送的接口。"" 表示收到该段的接口。',
    'For resets: segments that are answered in a second, each by two frames of 54 to 90 bytes. More are counted and left; the next of their session may be answered.' =>
        '用于 resets：每秒应答的段数，每个用两个 54 至 90 字节的帧。超出的只计数；其会话的下一个段可能会被应答。',
    'For rules: the bits of conntrack\'s mark for what is stopped (1073741824 is 0x40000000); no other program may use them.' =>
        '用于 rules：被阻断流量在 conntrack 标记中的位（1073741824 即 0x40000000）；其他程序不得使用。',
    'Counters for Prometheus, by HTTP.' =>
        '通过 HTTP 提供给 Prometheus 的计数器。',
    'Address and port that answer GET /metrics; "" for none. Who can reach them sees which devices use what: 127.0.0.1:9110 is for this machine only.' =>
        '应答 GET /metrics 的地址和端口；"" 表示没有。能访问它的人可看到哪些设备使用什么：127.0.0.1:9110 仅供本机。',
    'Devices, and apps, that have counters of their own; the rest have one together.' =>
        '各自拥有计数器的设备数和应用数；其余的合用一个。',
    'Packets in capture files (pcapng), of which the newest are kept. With source "tap" only. There may be passwords in them.' =>
        '捕获文件（pcapng）中的数据包，保留最新的。仅用于 source "tap"。其中可能有密码。',
    'Off: nothing is written.' =>
        '关闭：不写入任何内容。',
    'A folder for these files alone, which only the daemon may read. Flash wears out: /tmp is memory on OpenWrt.' =>
        '专用于这些文件的文件夹，只有守护进程可读。闪存会磨损：在 OpenWrt 上 /tmp 是内存。',
    'Megabytes of all files together; the oldest file is deleted beyond it…' =>
        '所有文件共多少 MB；超出时删除最旧的文件…',
    '…and of one file, half of that at most.' =>
        '…以及单个文件的大小，最多为前者的一半。',
    'Bytes of each frame that are kept; no more than those of [capture].' =>
        '每帧保留的字节数；不超过 [capture] 的值。',
    'Only packets of these devices: MAC addresses, addresses or networks.' =>
        '仅这些设备的数据包：MAC 地址、IP 地址或网段。',
    'Only packets of these apps.' =>
        '仅这些应用的数据包。',
    'Only frames that match this filter (pcap-filter(7)).' =>
        '仅符合此过滤器（pcap-filter(7)）的帧。',
    'With apps: packets of a session that wait until its app is known…' =>
        '设置了 apps 时：会话在识别出应用之前等待的数据包数…',
    '…and the memory for those of all sessions.' =>
        '…以及所有会话为此占用的内存。',
    'Lists of addresses and names that are known to be bad; which, is said below. They are looked at once a minute, and read anew when one has changed.' =>
        '已知有害的地址和域名列表；具体列表见下文。每分钟检查一次，更改时重新读取。',
    'Entries of all lists together; an address takes 10 bytes (22 of IPv6), a name 10 and its length. More are counted and left.' =>
        '所有列表的条目总数；每个地址占 10 字节（IPv6 为 22），域名为 10 加其长度。超出的只计数，不读入。',
    'Memory for them, and up to three times as much while they are read anew: for half a million names 16MiB.' =>
        '它们占用的内存，重新读取时最多为三倍：五十万个域名需 16MiB。',
    'Sessions of this time are looked at again when there are new entries.' =>
        '有新条目时，回查这段时间内的会话。',
    'What a person should know. Of each thing there is one alert in an hour, with how often it was. A threshold of 0 turns that kind off.' =>
        '应当知道的事。同一件事每小时只告警一次，并附次数。阈值为 0 表示关闭该类。',
    'Whether there are any.' =>
        '是否告警。',
    'Alerts of one kind about one device within an hour; more are counted only.' =>
        '每台设备每小时同类告警数；超出的只计数。',
    'Alerts of all kinds within a minute.' =>
        '每分钟各类告警总数。',
    'Log-ins that one server refuses to one client…' =>
        '一台服务器拒绝同一客户端的登录次数…',
    '…within this time.' =>
        '…在此时间内。',
    'Ports of one host that do not answer one source, after half as many that are not looked at closely: a scan…' =>
        '同一主机上对同一来源不应答的端口数（此前有一半数量不细看）：端口扫描…',
    '…or hosts that do not answer it at one port (of UDP in the LAN only)…' =>
        '…或在同一端口上对它不应答的主机数（UDP 仅限局域网）…',
    'A flood: connections opened to one host, in a second on average of a minute…' =>
        '洪水攻击：一分钟内平均每秒对同一主机建立的连接数…',
    '…packets of UDP that it does not answer…' =>
        '…它不应答的 UDP 数据包数…',
    '…packets of ICMP…' =>
        '…ICMP 数据包数…',
    '…and frames of ARP by one device.' =>
        '…以及单台设备的 ARP 帧数。',
    'Data in DNS: different long names below one domain that a device asks for…' =>
        'DNS 中的数据：设备在同一域名下查询的不同长域名数…',
    '…bytes that they have together at least…' =>
        '…它们至少共有的字节数…',
    '…within this time…' =>
        '…在此时间内…',
    '…but for these domains: antivirus programs ask so, and who asks for the names of addresses.' =>
        '…但以下域名除外：杀毒软件会这样查询，反向解析地址也是如此。',
    'Where each alert is sent by a POST of HTTP, like "http://192.168.1.9:8080/alert"; "" for nowhere. There is no TLS.' =>
        '每个告警通过 HTTP POST 发往何处，如 "http://192.168.1.9:8080/alert"；"" 表示不发送。不支持 TLS。',
    'What is sent. Each name in double braces is replaced: kind, severity, time, device, src, dst, port, what, list, entry, text, count and id, as the inside of a text of JSON.' =>
        '发送的内容。双花括号中的名称会被替换：kind、severity、time、device、src、dst、port、what、list、entry、text、count 和 id，按 JSON 文本转义。',
    'Its type.' =>
        '其类型。',
    'Alerts that wait to be sent. Of more the oldest are lost and counted.' =>
        '等待发送的告警数。超出时丢弃最旧的并计数。',
    'How long one try may take. There are three, with longer pauses each.' =>
        '单次尝试的最长时间。共尝试三次，间隔递增。',
    'The daemon itself.' =>
        '守护进程本身。',
    'Socket for `weir status`.' =>
        'weir status 使用的套接字。',
    'File in which the daemon tells the pages where the data is.' =>
        '守护进程告知页面数据位置的文件。',
    'What this router is called where several write to one server; "" for its host name.' =>
        '多台路由器写入同一服务器时，本机的名称；"" 表示使用主机名。',
    'File with the hash of the password that the pages ask for; relative to this file. `weir passwd` writes it, or the pages at their first use.' =>
        '页面密码哈希所在的文件；相对于此文件。由 weir passwd 写入，或首次使用页面时写入。',
    'Earlier versions of this file and of features.txt that are kept beside them when the pages change them.' =>
        '通过页面更改此文件和 features.txt 时，在其旁边保留的早期版本数。',
    '"error", "warn", "info" or "debug".' =>
        '"error"、"warn"、"info" 或 "debug"。',
    'How often the stages write what they were offered and lost.' =>
        '各环节记录处理量和丢失量的间隔。',
];
