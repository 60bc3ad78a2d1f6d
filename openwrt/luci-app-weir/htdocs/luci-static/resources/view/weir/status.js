'use strict';
'require fs';
'require poll';
'require rpc';
'require uci';
'require ui';
'require view';

const INIT = '/etc/init.d/weir';
const STATUS = [ 'status', '-c', '/var/etc/weir.toml', '--json' ];

const callServiceList = rpc.declare({
	object: 'service',
	method: 'list',
	params: [ 'name' ],
	expect: { '': {} }
});

function json(text) {
	try {
		return JSON.parse(text);
	}
	catch (e) {
		return null;
	}
}

/* What there is to be known; null for what does not answer. */
function look() {
	return Promise.all([
		L.resolveDefault(callServiceList('weir'), {}),
		L.resolveDefault(fs.exec('/usr/sbin/weir', STATUS), {}),
		L.resolveDefault(fs.exec(INIT, [ 'report' ]), {})
	]).then(([ services, status, report ]) => ({
		running: Object.values(services?.weir?.instances ?? {}).some(one => one.running),
		status: json(status.stdout),
		report: json(report.stdout)
	}));
}

function doubt([ what, name ]) {
	switch (what) {
	case 'offload_hw':
		return _('Hardware flow offloading is on: most packets of long connections are not seen, and volumes are far too low.');
	case 'offload':
		return _('Flow offloading is on: packets of established connections may not be seen, and volumes may be too low.');
	case 'nlbwmon':
		return _('nlbwmon counts as well, by the connections of the kernel: its volumes and those of Weir differ.');
	case 'proxy':
		return _('%s takes connections over: what it forwards may be counted as the traffic of the router itself.').format(name);
	case 'flash':
		return _('The database is in the flash of the router, which writing wears out. The settings have a folder for it.');
	default:
		return what;
	}
}

function where(report) {
	switch (report.storage) {
	case 'memory':
		return _('%s (in memory: gone after a restart)').format(report.folder);
	case 'flash':
		return _('%s (in flash)').format(report.folder);
	default:
		return report.folder;
	}
}

function row(title, value) {
	return E('tr', { 'class': 'tr' }, [
		E('td', { 'class': 'td left', 'width': '33%' }, [ title ]),
		E('td', { 'class': 'td left' }, [ value ])
	]);
}

function share(part, all) {
	return all > 0 ? '%d (%.2f%%)'.format(part, part / all * 100) : '%d'.format(part);
}

function rows({ running, status, report }) {
	const out = [ row(_('State'), running ? _('running') : _('not running')) ];

	if (report?.folder) {
		out.push(row(_('Database'), where(report)));
		out.push(row(_('Size of the database'), '%1024mB'.format(report.size)));
	}

	if (!running)
		return out;

	/* A daemon that has just begun, or hangs. */
	if (!status)
		return out.concat(row(_('Counters'), _('The daemon does not answer.')));

	out.splice(1, 0, row(_('Version'), status.version), row(_('Running since'), _('%s UTC').format(status.started)));

	for (const port of status.interfaces ?? [])
		out.push(row(_('Packets on %s').format(port.name), port.trouble
			? port.trouble
			: _('%d seen, %s lost').format(port.offered, share(port.lost, port.offered + port.lost))));

	if (status.store) {
		out.push(row(_('Records written since then'), '%d'.format(status.store.written)));
		out.push(row(_('Records lost'), share(status.store.lost, status.store.offered)));
		if (status.store.flash_bytes)
			out.push(row(_('Written to flash or a disk today'), status.store.flash_bytes.held
				? _('%1024mB; writing is put off, for the budget').format(status.store.flash_bytes.today)
				: '%1024mB'.format(status.store.flash_bytes.today)));
		if (status.store.trouble)
			out.push(row(_('Trouble with the database'), status.store.trouble));
	}

	if (status.features)
		out.push(row(_('Apps known'), '%d'.format(status.features.apps)));

	return out;
}

function doubts({ report }) {
	return (report?.doubts ?? []).map(one => E('div', { 'class': 'alert-message warning' }, [ doubt(one) ]));
}

return view.extend({
	load: function() {
		return Promise.all([ look(), uci.load('weir') ]);
	},

	handleInit: function(action) {
		return fs.exec(INIT, [ action ]).then(done => {
			if (done.code)
				ui.addNotification(null, E('p', [ done.stderr || _('It failed; the log tells why.') ]), 'danger');
			return this.refresh();
		}).catch(e => ui.addNotification(null, E('p', [ e.message ]), 'danger'));
	},

	/* Starting what is set to be off would do nothing. */
	handleStart: function() {
		if (uci.get('weir', 'main', 'enabled') == '1')
			return this.handleInit('start');

		uci.set('weir', 'main', 'enabled', '1');
		return uci.save().then(() => ui.changes.apply());
	},

	refresh: function() {
		return look().then(found => {
			const table = document.getElementById('weir-status');
			const warnings = document.getElementById('weir-doubts');
			if (table && warnings) {
				table.replaceChildren(...rows(found));
				warnings.replaceChildren(...doubts(found));
			}
		});
	},

	/* The pages, which are served by themselves. */
	pages: function() {
		if (uci.get('weir', 'web', 'enabled') != '1')
			return E('em', [ _('The web pages are off. Install weir-web and enable them in the settings.') ]);

		const host = window.location.hostname;
		const port = uci.get('weir', 'web', 'port') || '8090';
		return E('a', {
			'class': 'btn cbi-button cbi-button-action',
			'href': 'http://%s:%d/'.format(host, port),
			'target': '_blank',
			'rel': 'noreferrer noopener'
		}, [ _('Open the web pages') ]);
	},

	render: function([ found ]) {
		poll.add(() => this.refresh(), 5);

		return E([], [
			E('h2', [ _('Weir') ]),
			E('div', { 'class': 'cbi-map-descr' }, [ _('Who on the network talks to whom, through which app.') ]),
			E('div', { 'id': 'weir-doubts' }, doubts(found)),
			E('div', { 'class': 'cbi-section' }, [
				E('table', { 'class': 'table', 'id': 'weir-status' }, rows(found)),
				E('div', { 'style': 'display:flex;gap:.5em;flex-wrap:wrap;align-items:center' }, [
					E('button', {
						'class': 'btn cbi-button cbi-button-apply',
						'click': ui.createHandlerFn(this, 'handleStart')
					}, [ _('Start') ]),
					E('button', {
						'class': 'btn cbi-button cbi-button-reset',
						'click': ui.createHandlerFn(this, 'handleInit', 'stop')
					}, [ _('Stop') ]),
					E('button', {
						'class': 'btn cbi-button cbi-button-action',
						'click': ui.createHandlerFn(this, 'handleInit', 'restart')
					}, [ _('Restart') ]),
					this.pages()
				])
			])
		]);
	},

	handleSaveApply: null,
	handleSave: null,
	handleReset: null
});
