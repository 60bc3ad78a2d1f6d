<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What the columns of rows mean, in Chinese, by the words of schema.json.

return [
    'One session: the packets of one TCP connection or of one pair of UDP endpoints until they fell silent. Written while it goes on, if it goes on for long, and once more when it ends.' =>
        '一个会话：一个 TCP 连接或一对 UDP 端点的数据包，直到不再有数据。持续较久的会话在进行中写入一次，结束时再写入一次。',
    'Begins with when the row was first written, in milliseconds: so rows come to the end of the table, and few pages of it are written again.' =>
        '以该行首次写入的时间开头，单位为毫秒：这样新行位于表的末尾，需要重写的页很少。',
    'First packet, microseconds since 1970.' =>
        '第一个数据包，自 1970 年起的微秒数。',
    'Latest packet, microseconds since 1970.' =>
        '最近的数据包，自 1970 年起的微秒数。',
    'Transport protocol.' =>
        '传输层协议。',
    'Address of the side that began it.' =>
        '发起方的地址。',
    'For ICMP the echo\'s identifier.' =>
        '对于 ICMP，为回显的标识符。',
    'Address of the side that was asked.' =>
        '被请求方的地址。',
    'For ICMP type × 256 + code, as NetFlow has it.' =>
        '对于 ICMP，为类型 × 256 + 代码，与 NetFlow 相同。',
    'The client\'s MAC address as this network shows it.' =>
        '客户端在本网络中显示的 MAC 地址。',
    'Whose traffic it is: the side that is in the LAN.' =>
        '流量所属的设备：位于局域网中的一方。',
    'Where the client\'s packets were seen.' =>
        '看到客户端数据包的接口。',
    'VLAN of the first packet.' =>
        '第一个数据包的 VLAN。',
    'Packets from the client.' =>
        '客户端发出的数据包。',
    'Packets from the server.' =>
        '服务器发出的数据包。',
    'IP-layer bytes from the client.' =>
        '客户端发出的 IP 层字节数。',
    'IP-layer bytes from the server.' =>
        '服务器发出的 IP 层字节数。',
    'All TCP flags that the client set.' =>
        '客户端设置过的所有 TCP 标志。',
    'All TCP flags that the server set.' =>
        '服务器设置过的所有 TCP 标志。',
    'TCP\'s state by name; new or established for the rest.' =>
        'TCP 状态的名称；其他协议为 new 或 established。',
    'From SYN to the end of the handshake, microseconds.' =>
        '从 SYN 到握手结束，微秒。',
    'TCP segments whose bytes had been seen before.' =>
        '内容已经出现过的 TCP 段。',
    'Name of the server.' =>
        '服务器的名称。',
    'How the name is known: sni, quic or http from the client, dns from an answer, cert from the server, reverse from a question about the address, ech before an encrypted hello, which hides the real one.' =>
        '名称的来源：sni、quic 或 http 来自客户端，dns 来自应答，cert 来自服务器，reverse 来自对该地址的查询，ech 为加密握手之前的名称，真实名称被它隐藏。',
    'How sure that is, of 100.' =>
        '其可靠程度，满分 100。',
    'All names of the server where there are several, as JSON.' =>
        '服务器有多个名称时的所有名称，JSON 格式。',
    'The app by features.txt.' =>
        '按 features.txt 识别的应用。',
    'The line of features.txt that decided it.' =>
        '起决定作用的 features.txt 行号。',
    'Protocol above the transport, as EVE names it.' =>
        '传输层以上的协议，按 EVE 的名称。',
    'doh, dot or doq for encrypted DNS; ech where the hello hides the name; unasked where the client named a server that the device had not asked DNS for.' =>
        'doh、dot 或 doq 为加密 DNS；ech 为握手隐藏了名称；unasked 为客户端指明的服务器，设备没有用 DNS 查询过。',
    'Why it ended; unknown while it goes on.' =>
        '结束的原因；进行中时未知。',
    'The country that the server is in, by ISO 3166.' =>
        '服务器所在的国家，按 ISO 3166。',
    'The number of the autonomous system that the server belongs to.' =>
        '服务器所属自治系统的编号。',
    'One question to DNS with its answer, or one message of mDNS or LLMNR.' =>
        '一个 DNS 问题及其应答，或者一条 mDNS 或 LLMNR 消息。',
    'Begins with the time in milliseconds.' =>
        '以时间开头，单位为毫秒。',
    'When it was asked (answered, if the question was not seen).' =>
        '提问的时间（没有看到问题时为应答的时间）。',
    'dns, mdns or llmnr.' =>
        'dns、mdns 或 llmnr。',
    'Who asked.' =>
        '提问者。',
    'The port it asked from.' =>
        '提问所用的端口。',
    'Who was asked.' =>
        '被问者。',
    'The port that was asked.' =>
        '被问的端口。',
    'Whose question it was.' =>
        '提问的设备。',
    'Identifier of the message.' =>
        '消息的标识。',
    'Name in the question, lower case.' =>
        '问题中的名称，小写。',
    'Type in the question, by name.' =>
        '问题中的类型，按名称。',
    'Further questions in the same message, as JSON.' =>
        '同一消息中的其他问题，JSON 格式。',
    'Header flags of the question.' =>
        '问题的报头标志。',
    'Header flags of the answer.' =>
        '应答的报头标志。',
    'Whether the question was seen.' =>
        '是否看到了问题。',
    'Response code by name; unknown without an answer.' =>
        '应答代码，按名称；没有应答时未知。',
    'From question to answer, microseconds.' =>
        '从问题到应答，微秒。',
    'How many answers there were.' =>
        '应答的条数。',
    'The answers, as EVE\'s JSON array.' =>
        '各条应答，EVE 的 JSON 数组。',
    'What the question said by EDNS, as JSON.' =>
        '问题用 EDNS 说明的内容，JSON 格式。',
    'What the answer said by EDNS, as JSON.' =>
        '应答用 EDNS 说明的内容，JSON 格式。',
    'The handshake of one session of TLS or QUIC.' =>
        '一个 TLS 或 QUIC 会话的握手。',
    'When it was read, microseconds since 1970.' =>
        '读取时间，自 1970 年起的微秒数。',
    'tls or quic.' =>
        'tls 或 quic。',
    'Address of the client.' =>
        '客户端的地址。',
    'Its port.' =>
        '它的端口。',
    'Address of the server.' =>
        '服务器的地址。',
    'Whose session it is.' =>
        '会话所属的设备。',
    'The server\'s name as the client sent it.' =>
        '客户端发送的服务器名称。',
    'The protocols that the client offered above it, as JSON.' =>
        '客户端提供的上层协议，JSON 格式。',
    'The protocol that the server chose.' =>
        '服务器选择的协议。',
    'The highest version that the client offered.' =>
        '客户端提供的最高版本。',
    'The version that the server chose.' =>
        '服务器选择的版本。',
    'QUIC\'s version.' =>
        'QUIC 的版本。',
    'The cipher suite that the server chose, by its number.' =>
        '服务器选择的密码套件，以编号表示。',
    'Fingerprint of the client\'s hello, JA3.' =>
        '客户端握手的指纹，JA3。',
    'Fingerprint of the client\'s hello, JA4.' =>
        '客户端握手的指纹，JA4。',
    'Fingerprint of the server\'s hello, JA3S.' =>
        '服务器握手的指纹，JA3S。',
    'The extensions of the client\'s hello in its order, by their numbers, as JSON.' =>
        '客户端握手的各个扩展，按其顺序，以编号表示，JSON 格式。',
    'Whether the hello has an encrypted one in it: 2 if it hides a name, 1 if it looks like it, as all of some browsers do.' =>
        '握手中是否含有加密的握手：2 为隐藏了名称，1 为看起来像，某些浏览器的所有握手都是如此。',
    'Whether an earlier session was resumed.' =>
        '是否恢复了先前的会话。',
    'Whom the server\'s certificate is for.' =>
        '服务器证书的持有者。',
    'Who signed it.' =>
        '签发者。',
    'The names it is for, as JSON.' =>
        '证书所含的名称，JSON 格式。',
    'From when it holds, microseconds since 1970.' =>
        '生效时间，自 1970 年起的微秒数。',
    'Until when.' =>
        '到期时间。',
    'Its number.' =>
        '它的编号。',
    'SHA-1 of it.' =>
        '它的 SHA-1。',
    'One request of HTTP/1 with its response.' =>
        '一个 HTTP/1 请求及其响应。',
    'The host that was asked for.' =>
        '所请求的主机。',
    'The method.' =>
        '方法。',
    'What was asked for, as the request line has it.' =>
        '所请求的内容，与请求行相同。',
    'The version in the request line.' =>
        '请求行中的版本。',
    'The response\'s code; unknown without a response.' =>
        '响应的代码；没有响应时未知。',
    'What the client says it is.' =>
        '客户端自称的名称。',
    'Where the client came from.' =>
        '客户端从何处而来。',
    'The response\'s type.' =>
        '响应的类型。',
    'What the server says it is.' =>
        '服务器自称的名称。',
    'Bytes of the request\'s body as declared.' =>
        '请求正文的字节数，按声明。',
    'Bytes of the response\'s body as declared.' =>
        '响应正文的字节数，按声明。',
    'One try to log in, as far as it was seen. The secret is never read.' =>
        '一次登录尝试，以看到的部分为限。密码等机密从不读取。',
    'What was logged in to, as EVE names protocols.' =>
        '所登录的服务，按 EVE 的协议名称。',
    'The user\'s name as the client sent it.' =>
        '客户端发送的用户名。',
    'How the client proved to be that user: the protocol\'s own name for it.' =>
        '客户端证明身份的方式：协议自己的名称。',
    'accepted or refused; unknown where that was not seen.' =>
        'accepted（接受）或 refused（拒绝）；没有看到时未知。',
    'Whether the outcome is an estimate by the sizes of what is encrypted.' =>
        '结果是否是根据加密数据的大小估计的。',
    'Whether name and secret went through encryption.' =>
        '名称和机密是否经过加密。',
    'A message of ICMP that is no part of an echo, with what it quotes.' =>
        '一条不属于回显的 ICMP 消息，以及它所引用的内容。',
    'When it came, microseconds since 1970.' =>
        '到达时间，自 1970 年起的微秒数。',
    'Transport protocol: icmp or ipv6-icmp.' =>
        '传输层协议：icmp 或 ipv6-icmp。',
    'Who sent it.' =>
        '发送者。',
    'Whom to.' =>
        '接收者。',
    'Whose session it is about, or whose message it is.' =>
        '所涉及的会话或消息属于哪台设备。',
    'Its type.' =>
        '它的类型。',
    'Its code.' =>
        '它的代码。',
    'What that means, in words.' =>
        '其含义，文字说明。',
    'The session that it is about.' =>
        '所涉及的会话。',
    'That session\'s transport protocol.' =>
        '该会话的传输层协议。',
    'Its client, as far as is known who that is.' =>
        '它的客户端，以所知为限。',
    'The client\'s port.' =>
        '客户端的端口。',
    'Its server.' =>
        '它的服务器。',
    'The server\'s port.' =>
        '服务器的端口。',
    'How many like it came within the minute.' =>
        '这一分钟内同样的消息有多少条。',
    'What answers at an address and port, as it says itself.' =>
        '某个地址和端口上应答的服务，按它自己的说明。',
    'Transport protocol, address and port in one.' =>
        '传输层协议、地址和端口合在一起。',
    'Its address.' =>
        '它的地址。',
    'The device whose it is, where that is in the LAN.' =>
        '它所属的设备（如果在局域网中）。',
    'The program.' =>
        '程序。',
    'Its version.' =>
        '它的版本。',
    'Its name: of a certificate or a host that was asked for.' =>
        '它的名称：来自证书或所请求的主机。',
    'The title of its page.' =>
        '其页面的标题。',
    'What it said first, as far as that is text.' =>
        '它首先说的内容，以文字为限。',
    'What was asked of it in HTTP first, without the query.' =>
        '首次用 HTTP 向它请求的内容，不含查询部分。',
    'The code that it answered that with.' =>
        '它对此应答的代码。',
    'The type of that answer.' =>
        '该应答的类型。',
    'How the body of that answer begins, as text; only where that is wanted.' =>
        '该应答正文的开头，文字；仅在需要时记录。',
    'The bytes that it greeted with, in hex; only where that is wanted.' =>
        '它问候时的字节，十六进制；仅在需要时记录。',
    'When it was first seen, microseconds since 1970.' =>
        '首次看到的时间，自 1970 年起的微秒数。',
    'When it was seen last.' =>
        '最近一次看到的时间。',
    'Something that a person should know.' =>
        '需要人注意的事件。',
    'When it began, microseconds since 1970.' =>
        '开始时间，自 1970 年起的微秒数。',
    'new_device, threat, logins, scan, flood, arp_conflict, dns_tunnel or quota.' =>
        'new_device、threat、logins、scan、flood、arp_conflict、dns_tunnel 或 quota。',
    '1 for what is grave, 2 for what should be looked at, 3 for news.' =>
        '1 为严重，2 为应当查看，3 为消息。',
    'Whom it is about.' =>
        '涉及的设备。',
    'The address that it comes from.' =>
        '来源地址。',
    'The address that it is about.' =>
        '所涉及的地址。',
    'The port there.' =>
        '那里的端口。',
    'What was found: a name, an address, a user.' =>
        '发现的内容：名称、地址或用户。',
    'The list that it stands on, or the policy.' =>
        '所在的名单，或者策略。',
    'The entry of that list.' =>
        '该名单中的条目。',
    'The list\'s version: when its file was last changed, microseconds since 1970.' =>
        '名单的版本：其文件最近一次修改的时间，自 1970 年起的微秒数。',
    'In words, English.' =>
        '文字说明，英文。',
    'How often.' =>
        '次数。',
    'What a policy stopped within a minute.' =>
        '策略在一分钟内阻止的内容。',
    'When the first session was, microseconds since 1970.' =>
        '第一个会话的时间，自 1970 年起的微秒数。',
    '…and the latest.' =>
        '……以及最近一个的时间。',
    'The policy\'s name.' =>
        '策略的名称。',
    '"stopped", "dry run" where that was only tried, or "not stopped": what is not TCP, where only resets could stop it.' =>
        '"stopped"（已阻止）；"dry run"（仅试行）；或 "not stopped"（未阻止）：在只能用重置来阻止的地方，非 TCP 的流量无法阻止。',
    '"always", "schedule" or "quota".' =>
        '"always"（始终）、"schedule"（时间表）或 "quota"（配额）。',
    'Whose sessions.' =>
        '会话所属的设备。',
    'Their app.' =>
        '它们的应用。',
    'Their server\'s name.' =>
        '它们的服务器的名称。',
    'How many.' =>
        '数量。',
];
