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

		o = add('general', form.Flag, 'capture', 'promiscuous', _('Packets for others'),
			_('A mirror port needs it.'));
		o.default = o.enabled;

		o = add('general', form.ListValue, 'daemon', 'log', _('Log'));
		o.value('error', _('Errors'));
		o.value('warn', _('Warnings'));
		o.value('info', _('Information'));
		o.value('debug', _('Everything'));
		o.default = 'info';

		o = add('storage', form.ListValue, 'store', 'kind', _('Database'));
		o.value('sqlite', _('SQLite'));
		o.value('mariadb', _('MariaDB (package weir-mariadb)'));
		o.value('none', _('None: records are counted and dropped'));
		o.default = 'sqlite';

		o = add('storage', form.Value, 'storage', 'folder', _('Folder of the database'),
			_('A folder of its own. /var is memory: it is lost with a restart, and nothing wears out. To keep records, name one on a disk.'));
		o.depends('store_kind', 'sqlite');
		o.placeholder = '/var/lib/weir';
		o.validate = matches(FOLDER, _('A path of letters, digits and _ . - such as /mnt/usb/weir.'));

		o = add('storage', form.Value, 'storage', 'copy', _('Folder of its copy'),
			_('On a disk or in flash, for a database in memory: written every twelve hours and at the end, read back after a restart.'));
		o.depends('store_kind', 'sqlite');
		o.placeholder = '/mnt/usb/weir';
		o.validate = matches(FOLDER, _('A path of letters, digits and _ . - such as /mnt/usb/weir.'));

		o = add('storage', form.Value, 'store', 'max_mb', _('Largest size'),
			_('In MB. The oldest records are deleted beyond it. In memory it is never more than an eighth of it.'));
		o.datatype = 'min(4)';
		o.placeholder = '16';

		o = add('storage', form.Value, 'store', 'keep_days', _('Days'), _('Older records are deleted.'));
		o.datatype = 'range(1,36500)';
		o.placeholder = '30';

		for (const [ name, title, value ] of [
			[ 'minutes', _('Volumes by minute'), '2days' ],
			[ 'hours', _('Volumes by hour'), '30days' ],
			[ 'days', _('Volumes by day'), '400days' ],
			[ 'months', _('Volumes by month'), '3650days' ]
		]) {
			o = add('storage', form.Value, 'rollup', name, title, _('How long they are kept, for each device and app.'));
			o.placeholder = value;
			o.validate = isSpan();
		}

		o = add('storage', form.Value, 'store', 'write_budget', _('Written a day'),
			_('In MB, to flash or a disk. Towards it records are collected for longer, or the copy waits. 0 is no limit.'));
		o.datatype = 'uinteger';
		o.placeholder = '64';

		o = add('storage', form.Flag, 'store', 'details', _('Details'),
			_('Also a row for each TLS and QUIC handshake and each HTTP request. It can double what is written.'));

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

		o = add('mariadb', form.Value, 'mariadb', 'web_user', _('User of the pages'), _('It needs SELECT only.'));

		o = add('mariadb', form.Value, 'mariadb', 'web_password', _('Password of the pages'));
		o.password = true;

		for (const [ table, name, title, value ] of [
			[ 'sessions', 'max_sessions', _('Sessions at once'), '16384' ],
			[ 'sessions', 'max_streams', _('TCP streams read at once'), '1024' ],
			[ 'sessions', 'max_devices', _('Devices remembered'), '4096' ],
			[ 'dns', 'max_names', _('Names remembered'), '16384' ],
			[ 'capture', 'head_packets', _('First packets of a session'), '16' ],
			[ 'capture', 'nflog_group', _('Group of NFLOG'), '5' ],
			[ 'capture', 'max_flows', _('Flows whose volume is followed'), '32768' ],
			[ 'apps', 'max_features', _('Features of apps'), '50000' ],
			[ 'store', 'max_queue', _('Records that wait'), '20000' ]
		]) {
			o = add('limits', form.Value, table, name, title);
			o.datatype = 'uinteger';
			o.placeholder = value;
		}

		o = add('limits', form.Value, 'capture', 'buffer', _('Memory for packets that wait'), _('For each device.'));
		o.placeholder = '2MiB';
		o.validate = isSize();

		for (const [ table, name, title, value ] of [
			[ 'capture', 'dump_every', _('Volumes are read every'), '5s' ],
			[ 'sessions', 'tcp_timeout', _('TCP is over after'), '1h' ],
			[ 'sessions', 'udp_timeout', _('UDP is over after'), '1m' ],
			[ 'dns', 'name_timeout', _('A name is forgotten after'), '6h' ],
			[ 'apps', 'app_timeout', _('An app is no longer used after'), '5m' ]
		]) {
			o = add('limits', form.Value, table, name, title);
			o.placeholder = value;
			o.validate = isSpan();
		}

		/* There with the package weir-web. */
		if (uci.get('weir', 'web')) {
			s = m.section(form.NamedSection, 'web', 'web', _('Web pages'));

			o = s.option(form.Flag, 'enabled', _('Enabled'));
			o.rmempty = false;

			o = s.option(widgets.NetworkSelect, 'network', _('Network'), _('The network of this router that may open them.'));
			o.nocreate = true;

			o = s.option(form.Value, 'port', _('Port'));
			o.datatype = 'port';
			o.placeholder = '8090';

			o = s.option(form.Value, 'user', _('User'));
			o.placeholder = 'weir';

			o = s.option(form.Value, 'password', _('Password'),
				_('Without one the pages are served to the router itself only. It passes the network unencrypted.'));
			o.password = true;

			o = s.option(form.Flag, 'open', _('Without a password'),
				_('Whoever is on this network can then see what all others do.'));
			o.depends('password', '');
		}

		return m.render();
	}
});
