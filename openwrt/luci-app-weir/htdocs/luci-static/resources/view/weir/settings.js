'use strict';
'require form';
'require tools.widgets as widgets';
'require uci';
'require view';

const SIZE = /^\d+(B|KiB|MiB|GiB)$/;
const SPAN = /^(\d+(ms|s|m|min|h|d|days?)\s*)+$/;
const FOLDER = /^\/[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)+\/?$/;

function matches(pattern, message) {
	return (section_id, value) => !value || pattern.test(value) ? true : message;
}

function isSize() {
	return matches(SIZE, _('A size such as 4MiB or 512KiB.'));
}

function isSpan() {
	return matches(SPAN, _('A time such as 30s, 5min, 12h or 30days.'));
}

function isFolder() {
	return matches(FOLDER, _('A path of letters, digits and _ . - such as /mnt/usb/weir.'));
}

return view.extend({
	load: function() {
		return uci.load('weir');
	},

	render: function() {
		const m = new form.Map('weir', _('Weir'),
			_('What is left empty is as the daemon has it. A change is taken over without a gap in what is recorded.'));

		let s = m.section(form.NamedSection, 'main', 'weir');
		let o;
		s.addremove = false;
		s.tab('general', _('General'));
		s.tab('storage', _('Storage'));
		s.tab('mariadb', _('MariaDB'));
		s.tab('limits', _('Limits'));
		s.tab('times', _('Times'));
		s.tab('blocking', _('Blocking'));
		s.tab('alerts', _('Alerts'));

		/* The tabs show settings of several tables. */
		const add = (tab, type, table, name, title, description) => {
			const o = s.taboption(tab, type, '%s_%s'.format(table, name), title, description);
			o.ucisection = table;
			o.ucioption = name;
			o.rmempty = true;
			return o;
		};

		o = add('general', form.Flag, 'main', 'enabled', _('Enabled'), _('Nothing is watched until this is on.'));
		o.rmempty = false;

		o = add('general', widgets.NetworkSelect, 'main', 'network', _('Networks'),
			_('Whose traffic is watched. On one side of the router is enough: on both, everything counts twice.'));
		o.multiple = true;
		o.nocreate = true;

		o = add('general', widgets.DeviceSelect, 'main', 'device', _('Devices'),
			_('Besides these networks, for example what is connected to a mirror port.'));
		o.multiple = true;
		o.nocreate = true;
		o.noaliases = true;

		o = add('general', form.ListValue, 'capture', 'source', _('How to watch'),
			_('The first packets and the counters of connection tracking are far less work for downloads; every packet has exact times.'));
		o.value('auto', _('Automatic'));
		o.value('heads', _('First packets and counters'));
		o.value('tap', _('Every packet'));
		o.default = 'auto';

		o = add('general', form.Value, 'capture', 'filter', _('Filter'),
			_('Only packets that match are looked at, as of tcpdump. With every packet only.'));
		o.placeholder = 'not port 22';

		o = add('general', form.Value, 'devices', 'leases', _('Leases'),
			_('The file of the DHCP server with what it calls devices.'));
		o.placeholder = '/tmp/dhcp.leases';

		o = add('general', form.Flag, 'capture', 'promiscuous', _('Packets for others'),
			_('A mirror port needs it.'));
		o.default = o.enabled;

		o = add('general', form.DynamicList, 'capture', 'tunnels', _('Tunnels'),
			_('Those that are opened: what they carry counts once, for the sessions inside. None means all, a single "none" opens none.'));
		for (const name of [ 'gre', 'ipip', '6in4', 'vxlan', 'geneve', 'gtp', 'teredo', 'ayiya', 'none' ])
			o.value(name);

		o = add('general', form.ListValue, 'daemon', 'log', _('Log'));
		o.value('error', _('Errors'));
		o.value('warn', _('Warnings'));
		o.value('info', _('Information'));
		o.value('debug', _('Everything'));
		o.default = 'info';

		o = add('mariadb', form.Value, 'daemon', 'name', _('Name of this router'), _('Where several write to one server.'));
		o.placeholder = _('host name');

		o = add('storage', form.ListValue, 'store', 'kind', _('Database'));
		o.value('sqlite', _('SQLite'));
		o.value('mariadb', _('MariaDB (package weir-mariadb)'));
		o.value('none', _('None: records are counted and dropped'));
		o.default = 'sqlite';

		o = add('storage', form.Value, 'storage', 'folder', _('Folder of the database'),
			_('A folder of its own. /var is memory: it is lost with a restart, and nothing wears out. To keep records, name one on a disk.'));
		o.depends('store_kind', 'sqlite');
		o.placeholder = '/var/lib/weir';
		o.validate = isFolder();

		o = add('storage', form.Value, 'storage', 'copy', _('Folder of its copy'),
			_('On a disk or in flash, for a database in memory: written every twelve hours and at the end, read back after a restart.'));
		o.depends('store_kind', 'sqlite');
		o.placeholder = '/mnt/usb/weir';
		o.validate = isFolder();

		o = add('storage', form.Value, 'store', 'max_mb', _('Largest size'),
			_('In MB. The oldest records are deleted beyond it. In memory it is never more than an eighth of it.'));
		o.datatype = 'min(4)';
		o.placeholder = '16';

		o = add('storage', form.Value, 'store', 'keep_days', _('Days'), _('Older records are deleted.'));
		o.datatype = 'range(1,36500)';
		o.placeholder = '30';

		o = add('storage', form.Value, 'store', 'write_budget', _('Written a day'),
			_('In MB, to flash or a disk. Towards it records are collected for longer, or the copy waits. 0 is no limit.'));
		o.datatype = 'uinteger';
		o.placeholder = '64';

		o = add('storage', form.Flag, 'store', 'details', _('Details'),
			_('Also a row for each TLS and QUIC handshake and each HTTP request. It can double what is written.'));

		o = add('storage', form.ListValue, 'services', 'which', _('Services'),
			_('A row for what answers at each address and port, with what it says it is.'));
		o.value('lan', _('Those in the LAN'));
		o.value('all', _('All: every request of HTTP is read for it'));
		o.value('off', _('None'));
		o.default = 'lan';

		o = add('storage', form.Flag, 'services', 'deep', _('Look deeper'),
			_('Also how pages begin and how servers greet. There may be private things in that.'));

		o = add('storage', form.Value, 'places', 'country', _('File of countries'),
			_('Of MaxMind\'s format (.mmdb). Sessions then show in which country their servers are.'));
		o.placeholder = '/mnt/usb/country.mmdb';

		o = add('storage', form.Value, 'places', 'asn', _('File of autonomous systems'));
		o.placeholder = '/mnt/usb/asn.mmdb';

		o = add('storage', form.Flag, 'export', 'enabled', _('Keep packets'),
			_('In capture files, of which the newest are kept. Not with the source heads. There may be passwords in them.'));

		o = add('storage', form.Value, 'export', 'folder', _('Folder of the packets'),
			_('A folder for them alone. /tmp is memory.'));
		o.depends('export_enabled', '1');
		o.placeholder = '/tmp/weir/pcap';
		o.validate = isFolder();

		o = add('storage', form.DynamicList, 'export', 'devices', _('Packets of devices'),
			_('MAC addresses, addresses or networks; none means all.'));
		o.depends('export_enabled', '1');

		o = add('storage', form.DynamicList, 'export', 'apps', _('Packets of apps'));
		o.depends('export_enabled', '1');

		o = add('storage', form.Value, 'export', 'filter', _('Packets that match'), _('A filter as of tcpdump.'));
		o.depends('export_enabled', '1');
		o.placeholder = 'not port 22';

		o = add('mariadb', form.Value, 'mariadb', 'host', _('Server'));
		o.datatype = 'host';
		o.placeholder = '127.0.0.1';

		o = add('mariadb', form.Value, 'mariadb', 'port', _('Port'));
		o.datatype = 'port';
		o.placeholder = '3306';

		o = add('mariadb', form.Value, 'mariadb', 'socket', _('Socket'), _('Instead of server and port.'));
		o.placeholder = '/var/run/mysql/mysql.sock';

		o = add('mariadb', form.Value, 'mariadb', 'database', _('Database'), _('It must exist. The daemon makes its tables.'));
		o.placeholder = 'weir';

		o = add('mariadb', form.Value, 'mariadb', 'user', _('User'));
		o.placeholder = 'weir';

		o = add('mariadb', form.Value, 'mariadb', 'password', _('Password'));
		o.password = true;

		o = add('mariadb', form.Value, 'mariadb', 'ca', _('Certificates'),
			_('A file with those of who signs the certificate of the server: with it the connection is TLS.'));
		o.placeholder = '/etc/ssl/certs/ca-certificates.crt';

		o = add('mariadb', form.Value, 'mariadb', 'web_user', _('User of the pages'), _('It needs SELECT only.'));

		o = add('mariadb', form.Value, 'mariadb', 'web_password', _('Password of the pages'));
		o.password = true;

		o = add('storage', form.Value, 'metrics', 'listen', _('Prometheus'),
			_('Address and port that show counters. Who can reach them sees which devices use what.'));
		o.datatype = 'ipaddrport(1)';
		o.placeholder = '127.0.0.1:9110';

		const several = (tab, check, list) => {
			for (const [ table, name, title, value ] of list) {
				const o = add(tab, form.Value, table, name, title);
				o.placeholder = value;
				if (check)
					o.validate = check;
				else
					o.datatype = 'uinteger';
			}
		};

		several('limits', null, [
			[ 'sessions', 'max_sessions', _('Sessions at once'), '16384' ],
			[ 'sessions', 'max_streams', _('TCP streams read at once'), '1024' ],
			[ 'sessions', 'max_devices', _('Devices remembered'), '4096' ],
			[ 'dns', 'max_names', _('Names remembered'), '16384' ],
			[ 'capture', 'head_packets', _('First packets of a session'), '16' ],
			[ 'capture', 'nflog_group', _('Group of NFLOG'), '5' ],
			[ 'capture', 'max_flows', _('Flows whose volume is followed'), '32768' ],
			[ 'dns', 'max_questions', _('DNS questions that wait'), '4096' ],
			[ 'apps', 'max_features', _('Features of apps'), '50000' ],
			[ 'apps', 'max_uses', _('Apps in use at once, by device'), '8192' ],
			[ 'services', 'max_services', _('Services remembered'), '1024' ],
			[ 'places', 'max_places', _('Addresses remembered with their place'), '2048' ],
			[ 'export', 'max_mb', _('Size of kept packets, in MB'), '8' ],
			[ 'export', 'file_mb', _('…and of one of their files'), '1' ],
			[ 'export', 'snaplen', _('Bytes of a packet that are kept'), '4096' ],
			[ 'export', 'first_packets', _('First packets of a session that wait for its app'), '16' ],
			[ 'rollup', 'max_pairs', _('Devices with an app in a volume'), '2000' ],
			[ 'rollup', 'share', _('Part of the database for volumes, of 100'), '75' ],
			[ 'store', 'max_queue', _('Records that wait'), '20000' ],
			[ 'blocking', 'max_resets', _('Packets answered by resets, in a second'), '1000' ],
			[ 'store', 'batch', _('Records written at once'), '1000' ],
			[ 'metrics', 'max_series', _('Devices, and apps, with counters for Prometheus'), '200' ],
			[ 'daemon', 'backups', _('Earlier versions of features.txt kept where the pages change it'), '10' ],
			[ 'capture', 'max_datagrams', _('Datagrams in pieces that wait'), '64' ],
			[ 'capture', 'snaplen', _('Bytes of a packet that are looked at'), '4096' ]
		]);

		several('limits', isSize(), [
			[ 'capture', 'buffer', _('Memory for packets that wait, for each device'), '2MiB' ],
			[ 'export', 'max_waiting', _('Memory for packets that wait for an app'), '1MiB' ],
			[ 'capture', 'max_fragment_bytes', _('Memory for datagrams in pieces'), '256KiB' ],
			[ 'sessions', 'max_stream_bytes', _('Memory for what waits in TCP streams'), '1MiB' ],
			[ 'sessions', 'max_stream_side', _('…and in one direction of one of them'), '80KiB' ]
		]);

		several('times', isSpan(), [
			[ 'capture', 'dump_every', _('Volumes are read every'), '5s' ],
			[ 'sessions', 'tcp_timeout', _('TCP is over after'), '1h' ],
			[ 'sessions', 'tcp_handshake_timeout', _('TCP that is being opened or closed is over after'), '30s' ],
			[ 'sessions', 'tcp_over_timeout', _('TCP that is over is waited for'), '5s' ],
			[ 'sessions', 'udp_timeout', _('UDP is over after'), '1m' ],
			[ 'sessions', 'report_after', _('A session that goes on is written after'), '30s' ],
			[ 'sessions', 'report_every', _('…and again every'), '2m' ],
			[ 'dns', 'question_timeout', _('A DNS question without an answer is written after'), '10s' ],
			[ 'dns', 'name_timeout', _('A name is forgotten after'), '6h' ],
			[ 'apps', 'app_timeout', _('An app is no longer used after'), '5m' ],
			[ 'services', 'dedup', _('A service is written again after'), '1h' ],
			[ 'store', 'delay', _('Records wait to be written together for'), '2s' ],
			[ 'rollup', 'minutes', _('Volumes by minute are kept for'), '2days' ],
			[ 'rollup', 'hours', _('Volumes by hour are kept for'), '30days' ],
			[ 'rollup', 'days', _('Volumes by day are kept for'), '400days' ],
			[ 'rollup', 'months', _('Volumes by month are kept for'), '3650days' ],
			[ 'sqlite', 'copy_every', _('The copy of the database is written every'), '12h' ],
			[ 'mariadb', 'timeout', _('MariaDB is waited for'), '10s' ],
			[ 'daemon', 'health_every', _('What was lost is written every'), '1m' ]
		]);

		o = add('blocking', form.Flag, 'blocking', 'enabled', _('Stop traffic'),
			_('What the rules of the house below say is done only when this is on.'));

		o = add('blocking', form.ListValue, 'blocking', 'way', _('How to stop'),
			_('Rules stop what this router forwards. Resets end TCP connections from beside their way, for a mirror port, and need every packet; UDP goes on.'));
		o.value('rules', _('Rules of the firewall'));
		o.value('resets', _('Resets'));
		o.default = 'rules';

		o = add('blocking', widgets.DeviceSelect, 'blocking', 'reset_interface', _('Send resets by'),
			_('Where what is watched only receives, as some mirror ports do. Empty is the device that the packet came by.'));
		o.depends('blocking_way', 'resets');
		o.nocreate = true;
		o.noaliases = true;

		o = add('blocking', form.Value, 'blocking', 'mark', _('Mark'),
			_('Bits of the mark of connection tracking that no other program may use.'));
		o.datatype = 'range(1,4294967295)';
		o.placeholder = '1073741824';

		o = add('alerts', form.Flag, 'alerts', 'enabled', _('Alerts'),
			_('What a person should know: devices that meet threat lists, scans, floods, refused log-ins, data in DNS.'));
		o.default = o.enabled;

		o = add('alerts', form.Value, 'alerts', 'webhook', _('Send alerts to'),
			_('Each alert is sent there by HTTP. There is no TLS.'));
		o.placeholder = 'http://192.168.1.9:8080/alert';

		o = add('alerts', form.Value, 'alerts', 'webhook_template', _('What is sent'),
			_('Names in double braces are replaced: kind, severity, time, device, src, dst, port, what, list, entry, text, count.'));
		o.placeholder = '{"text":"{{text}}"}';

		o = add('alerts', form.Value, 'alerts', 'webhook_type', _('Type of what is sent'));
		o.placeholder = 'application/json';

		o = add('alerts', form.DynamicList, 'alerts', 'tunnel_except', _('Domains without data in DNS'),
			_('Below which long names that are never the same are usual.'));
		o.placeholder = 'mcafee.com';

		several('alerts', null, [
			[ 'alerts', 'per_device', _('Alerts of a kind about a device, in an hour'), '10' ],
			[ 'alerts', 'per_minute', _('Alerts in a minute'), '30' ],
			[ 'alerts', 'logins', _('Refused log-ins'), '10' ],
			[ 'alerts', 'scan_ports', _('Ports of a host that do not answer'), '100' ],
			[ 'alerts', 'scan_hosts', _('Hosts that do not answer'), '64' ],
			[ 'alerts', 'syn_rate', _('Connections to a host, in a second'), '200' ],
			[ 'alerts', 'udp_rate', _('Unanswered UDP packets to a host, in a second'), '5000' ],
			[ 'alerts', 'icmp_rate', _('ICMP packets to a host, in a second'), '100' ],
			[ 'alerts', 'arp_rate', _('ARP frames by a device, in a second'), '50' ],
			[ 'alerts', 'tunnel_names', _('Long names below a domain'), '30' ],
			[ 'alerts', 'tunnel_bytes', _('…and bytes in them'), '4000' ],
			[ 'alerts', 'webhook_queue', _('Alerts that wait to be sent'), '100' ],
			[ 'threats', 'max_entries', _('Entries of threat lists'), '500000' ]
		]);

		several('alerts', isSize(), [
			[ 'threats', 'max_memory', _('Memory for threat lists'), '4MiB' ]
		]);

		several('alerts', isSpan(), [
			[ 'alerts', 'logins_span', _('Log-ins are refused within'), '10m' ],
			[ 'alerts', 'scan_span', _('Ports or hosts do not answer within'), '5m' ],
			[ 'alerts', 'tunnel_span', _('Long names are asked for within'), '10m' ],
			[ 'alerts', 'webhook_timeout', _('A try to send may take'), '5s' ],
			[ 'threats', 'look_back', _('Past sessions that new entries are looked for in'), '1day' ]
		]);

		s = m.section(form.GridSection, 'threat', _('Threat lists'),
			_('Files with addresses and names that are known to be bad, in any of the usual forms. They are read anew when they change.'));
		s.anonymous = true;
		s.addremove = true;
		s.sortable = true;

		o = s.option(form.Flag, 'enabled', _('Enabled'));
		o.default = o.enabled;
		o.editable = true;

		o = s.option(form.Value, 'name', _('Name'));
		o.rmempty = false;

		o = s.option(form.Value, 'path', _('File or folder'));
		o.rmempty = false;
		o.placeholder = '/etc/weir/lists/firehol_level1.netset';

		o = s.option(form.ListValue, 'severity', _('Severity'));
		o.value('1', _('Grave'));
		o.value('2', _('To be looked at'));
		o.value('3', _('News'));
		o.default = '2';

		s = m.section(form.GridSection, 'policy', _('Rules of the house'),
			_('What is left empty means all devices, everything, always.'));
		s.anonymous = true;
		s.addremove = true;
		s.sortable = true;

		o = s.option(form.Flag, 'enabled', _('Enabled'));
		o.default = o.enabled;
		o.editable = true;

		o = s.option(form.Value, 'name', _('Name'));
		o.rmempty = false;

		o = s.option(form.DynamicList, 'devices', _('Devices'), _('MAC addresses, addresses or networks.'));
		o.placeholder = '192.168.1.64/26';

		o = s.option(form.DynamicList, 'apps', _('Apps'), _('As they are called in the signatures.'));

		o = s.option(form.DynamicList, 'classes', _('Categories'));
		o.placeholder = 'game';

		o = s.option(form.DynamicList, 'hosts', _('Hosts'), _('With all names below them.'));
		o.placeholder = 'example.com';

		o = s.option(form.DynamicList, 'times', _('Times'));
		o.placeholder = 'mon-fri 21:00-07:00';

		o = s.option(form.Value, 'quota', _('Quota'), _('For each device and day: a time in use such as 2h, or a volume such as 500MB.'));
		o.placeholder = '2h';
		o.modalonly = true;

		o = s.option(form.Flag, 'dry_run', _('Only try'), _('What would be stopped is written down.'));
		o.modalonly = true;

		s = m.section(form.GridSection, 'out', _('Further ways out'),
			_('Records go there besides the database. One that is away holds up nothing else.'));
		s.anonymous = true;
		s.addremove = true;
		s.sortable = true;

		o = s.option(form.Flag, 'enabled', _('Enabled'));
		o.default = o.enabled;
		o.editable = true;

		o = s.option(form.Value, 'name', _('Name'));
		o.rmempty = false;

		o = s.option(form.ListValue, 'kind', _('Kind'));
		o.value('eve', _('File of EVE JSON'));
		o.value('syslog', _('Syslog'));
		o.value('influx', _('InfluxDB'));
		o.value('mqtt', _('MQTT'));
		o.value('ipfix', _('IPFIX'));
		o.rmempty = false;

		/* Each is for some kinds only. */
		const out = (type, kinds, name, title, description) => {
			const o = s.option(type, name, title, description);
			for (const kind of kinds)
				o.depends('kind', kind);
			o.modalonly = true;
			return o;
		};

		o = out(form.Value, [ 'syslog', 'mqtt', 'ipfix' ], 'server', _('Server'), _('With its port.'));
		o.datatype = 'hostport';
		o.modalonly = false;
		o.placeholder = '192.168.1.5:514';

		o = out(form.Value, [ 'eve' ], 'path', _('File'), _('In a folder of its own.'));
		o.placeholder = '/mnt/usb/eve/eve.json';

		o = out(form.DynamicList, [ 'eve', 'syslog' ], 'types', _('Types'),
			_('As EVE names them. None means all but details. Of assets: media types of pages, such as text/html, or !image/* for all but those.'));
		for (const name of [ 'flow', 'dns', 'tls', 'quic', 'http', 'auth', 'alert', 'app', 'traffic', 'device', 'service', 'health' ])
			o.value(name);

		o = out(form.Value, [ 'eve' ], 'rotate_size', _('Largest size'));
		o.validate = isSize();
		o.placeholder = '10MiB';

		o = out(form.Value, [ 'eve' ], 'rotate_every', _('Another file every'));
		o.validate = isSpan();
		o.placeholder = '1day';

		o = out(form.Value, [ 'eve' ], 'keep', _('Earlier files'));
		o.datatype = 'range(0,1000)';
		o.placeholder = '5';

		o = out(form.Flag, [ 'eve' ], 'compress', _('Compress earlier files'));
		o.default = o.enabled;

		o = out(form.ListValue, [ 'syslog', 'ipfix' ], 'transport', _('Transport'));
		o.value('udp', 'UDP');
		o.value('tcp', 'TCP');

		o = out(form.ListValue, [ 'syslog' ], 'header', _('Header'));
		o.value('rfc5424', 'RFC 5424');
		o.value('rfc3164', 'RFC 3164');

		o = out(form.ListValue, [ 'syslog' ], 'framing', _('Messages in TCP'));
		o.value('octets', _('With their length'));
		o.value('newline', _('By lines'));

		o = out(form.Value, [ 'syslog' ], 'facility', _('Facility'));
		o.placeholder = 'daemon';

		o = out(form.Value, [ 'syslog' ], 'tag', _('Tag'));
		o.placeholder = 'weir';

		o = out(form.ListValue, [ 'syslog' ], 'form', _('Message'));
		o.value('eve', 'EVE JSON');
		o.value('asset', _('Assets'));

		o = out(form.Flag, [ 'syslog' ], 'deep', _('Bodies of pages'), _('With assets only.'));

		o = out(form.DynamicList, [ 'syslog' ], 'status', _('Codes of pages'),
			_('With assets only: such as 200 or 4xx, or !304 for all but that. None means all.'));

		o = out(form.Value, [ 'influx' ], 'url', _('Address'));
		o.placeholder = 'http://192.168.1.5:8086';

		o = out(form.Value, [ 'influx' ], 'org', _('Organization'));
		o = out(form.Value, [ 'influx' ], 'bucket', _('Bucket'), _('For version 2. Version 1 has a database instead.'));
		o = out(form.Value, [ 'influx' ], 'token', _('Token'));
		o.password = true;
		o = out(form.Value, [ 'influx' ], 'token_file', _('File with the token'));
		o = out(form.Value, [ 'influx' ], 'db', _('Database'));

		o = out(form.Value, [ 'influx', 'mqtt' ], 'user', _('User'));
		o = out(form.Value, [ 'influx', 'mqtt' ], 'password', _('Password'));
		o.password = true;
		o = out(form.Value, [ 'influx', 'mqtt' ], 'password_file', _('File with the password'));

		o = out(form.Value, [ 'mqtt' ], 'client_id', _('Name of the client'));
		o.placeholder = 'weir';

		o = out(form.Value, [ 'mqtt' ], 'topic', _('Topic'));
		o.placeholder = 'weir';

		o = out(form.Value, [ 'mqtt' ], 'discovery', _('Topic of Home Assistant'));
		o.placeholder = 'homeassistant';

		o = out(form.ListValue, [ 'mqtt' ], 'qos', _('Quality of service'));
		o.value('0', _('At most once'));
		o.value('1', _('At least once'));

		o = out(form.Value, [ 'mqtt' ], 'away_after', _('A silent device is away after'));
		o.validate = isSpan();
		o.placeholder = '5min';

		o = out(form.Value, [ 'ipfix' ], 'domain', _('Observation domain'));
		o.datatype = 'uinteger';
		o.placeholder = '1';

		o = s.option(form.Value, 'max_queue', _('Records that wait'));
		o.datatype = 'range(100,1000000)';
		o.placeholder = '5000';
		o.modalonly = true;

		/* There with the package weir-web. */
		if (uci.get('weir', 'web')) {
			s = m.section(form.NamedSection, 'web', 'web', _('Web pages'),
				_('They ask for a password, which is set in them. "Open Weir" in the overview signs in without it. The password passes the network unencrypted.'));

			o = s.option(form.Flag, 'enabled', _('Enabled'));
			o.rmempty = false;

			o = s.option(widgets.NetworkSelect, 'network', _('Network'), _('The network of this router that may open them.'));
			o.nocreate = true;

			o = s.option(form.Value, 'port', _('Port'));
			o.datatype = 'port';
			o.placeholder = '8090';

			o = s.option(form.Value, 'url', _('Address'),
				_('Where "Open Weir" leads when another web server has the pages, such as /weir/ of this one.'));
			o.placeholder = '/weir/';
		}

		return m.render();
	}
});
