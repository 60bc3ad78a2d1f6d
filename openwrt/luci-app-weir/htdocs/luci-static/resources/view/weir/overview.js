'use strict';
'require poll';
'require rpc';
'require uci';
'require ui';
'require view';

const callNow = rpc.declare({ object: 'luci.weir', method: 'now' });
const callReport = rpc.declare({ object: 'luci.weir', method: 'report' });
const callService = rpc.declare({ object: 'luci.weir', method: 'service', params: [ 'action' ] });
const callTicket = rpc.declare({ object: 'luci.weir', method: 'ticket' });
const callHostHints = rpc.declare({ object: 'luci-rpc', method: 'getHostHints', expect: { '': {} } });
const callServiceList = rpc.declare({
	object: 'service',
	method: 'list',
	params: [ 'name' ],
	expect: { '': {} }
});

/* The report runs a script, and what it tells changes seldom. */
const REPORT_EVERY = 60;
const NOW_EVERY = 5;

/* What there is to be known; null for what does not answer. */
function look() {
	return Promise.all([
		L.resolveDefault(callServiceList('weir'), {}),
		L.resolveDefault(callNow(), {})
	]).then(([ services, now ]) => ({
		running: Object.values(services?.weir?.instances ?? {}).some(one => one.running) || now?.status != null,
		status: now?.status ?? null,
		recent: now?.recent ?? null
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

function bytes(number) {
	return '%1000.1mB'.format(number ?? 0);
}

/* Bits in a second, of a minute's bytes. */
function rate(number) {
	return '%1000.1mbit/s'.format((number ?? 0) * 8 / 60);
}

function rows({ running, status, report }) {
	const out = [ row(_('State'), running ? _('running') : _('not running')) ];

	if (report?.folder) {
		out.push(row(_('Database'), where(report)));
		out.push(row(_('Size of the database'), '%1024.1mB'.format(report.size)));
	}

	if (!running)
		return out;

	/* A daemon that has just begun, or hangs. */
	if (!status)
		return out.concat(row(_('Counters'), _('The daemon does not answer.')));

	out.splice(1, 0, row(_('Version'), status.version), row(_('Running since'), new Date(status.started.replace('+0000', 'Z')).toLocaleString()));

	if (status.store) {
		out.push(row(_('Records written since then'), '%d'.format(status.store.written)));
		if (status.store.trouble)
			out.push(row(_('Trouble with the database'), status.store.trouble));
	}

	if (status.features)
		out.push(row(_('Apps known'), '%d'.format(status.features.apps)));

	return out;
}

/* What came to each stage, and what of it was lost there. */
function coverage({ running, status }) {
	if (!running || !status)
		return [];

	const out = [];

	for (const port of status.interfaces ?? [])
		out.push(row(_('Packets on %s').format(port.name), port.trouble
			? port.trouble
			: _('%d seen, %s lost').format(port.offered, share(port.lost, port.offered + port.lost))));

	for (const line of status.coverage ?? [])
		if (line.percent_seen != null)
			out.push(row(_('Seen of what passed %s').format(line.name),
				_('%.1f %% of %1024mB, %.1f %% of that with a name').format(line.percent_seen, line.bytes_line, line.percent_named ?? 0)));

	const engine = status.engine ?? {};
	if (engine.frames != null)
		out.push(row(_('Packets not understood'), share((engine.malformed ?? 0) + (engine.orphans ?? 0), engine.frames)));
	if (engine.sessions_open != null)
		out.push(row(_('Sessions going on'), '%d'.format(engine.sessions_open)));
	if (engine.ended_by_eviction != null)
		out.push(row(_('Sessions cut short for want of room'), share(engine.ended_by_eviction, engine.sessions)));
	if (status.store)
		out.push(row(_('Records lost'), share(status.store.lost, status.store.offered)));
	if (status.store?.flash_bytes)
		out.push(row(_('Written to flash or a disk today'), status.store.flash_bytes.held
			? _('%1024mB; writing is put off, for the budget').format(status.store.flash_bytes.today)
			: '%1024mB'.format(status.store.flash_bytes.today)));
	if (status.blocking)
		out.push(row(_('Sessions stopped'), '%d'.format(status.blocking.done)));
	if (status.blocking?.cannot)
		out.push(row(_('Sessions that resets can not stop'), '%d'.format(status.blocking.cannot)));

	return out;
}

function tile(title, value) {
	return E('div', { 'style': 'flex:1 1 8em;padding:.6em .9em;border:1px solid rgba(128,128,128,.35);border-radius:4px' }, [
		E('div', { 'style': 'opacity:.75;font-size:90%' }, [ title ]),
		E('strong', { 'style': 'font-size:130%' }, [ value ])
	]);
}

function tiles({ running, status, recent }) {
	if (!running || !status)
		return [];

	return [
		tile(_('Receiving'), recent ? rate(recent.minute.in) : '…'),
		tile(_('Sending'), recent ? rate(recent.minute.out) : '…'),
		tile(_('Devices'), recent ? '%d'.format(recent.devices.number) : '…'),
		tile(_('Apps'), recent ? '%d'.format(recent.apps.number) : '…'),
		tile(_('Volume of the last hour'), recent ? bytes(recent.in + recent.out) : '…')
	];
}

/* One of the busiest: its name above a bar as long as its part. */
function busy(name, hint, one, most) {
	const part = most > 0 ? (one.in + one.out) / most * 100 : 0;
	return E('div', { 'style': 'margin:.5em 0', 'title': _('%s received, %s sent').format(bytes(one.in), bytes(one.out)) }, [
		E('div', { 'style': 'display:flex;gap:1em;justify-content:space-between' }, [
			E('span', { 'style': 'overflow:hidden;text-overflow:ellipsis;white-space:nowrap' }, [
				name, hint ? E('small', { 'style': 'opacity:.7;margin-left:.6em' }, [ hint ]) : ''
			]),
			E('span', { 'style': 'white-space:nowrap' }, [ bytes(one.in + one.out) ])
		]),
		E('div', { 'style': 'height:4px;background:rgba(128,128,128,.2);border-radius:2px' }, [
			E('div', { 'style': 'height:4px;background:#1a87a8;border-radius:2px;width:%.1f%%'.format(part) })
		])
	]);
}

function list(title, items, empty) {
	return E('div', { 'style': 'flex:1 1 18em;min-width:0' }, [ E('h3', [ title ]) ]
		.concat(items.length ? items : E('p', [ E('em', [ empty ]) ])));
}

function busiest({ running, status, recent, hints }) {
	if (!running || !status)
		return [];

	const volume = one => one.in + one.out;
	const devices = recent?.devices?.top ?? [];
	const apps = recent?.apps?.top ?? [];
	const waiting = recent ? _('Nothing yet: volumes come with each full minute.') : _('Collecting data...');
	const chinese = /^zh/.test(document.documentElement.lang);

	return [
		list(_('Busiest devices of the last hour'), devices.map(one => {
			const known = hints[one.device.toUpperCase()];
			return busy(known?.name || known?.ipaddrs?.[0] || one.device,
				known?.name || known?.ipaddrs?.[0] ? one.device : null, one, volume(devices[0]));
		}), waiting),
		list(_('Busiest apps of the last hour'), apps.map(one =>
			busy((chinese && one.zh) || one.app || _('not recognised'), null, one, volume(apps[0]))), waiting)
	];
}

function doubts({ report }) {
	return (report?.doubts ?? []).map(one => E('div', { 'class': 'alert-message warning' }, [ doubt(one) ]));
}

function fail(text) {
	ui.addNotification(null, E('p', [ text ]), 'danger');
}

return view.extend({
	load: function() {
		return Promise.all([
			look(),
			L.resolveDefault(callReport(), null),
			L.resolveDefault(callHostHints(), {}),
			uci.load('weir')
		]);
	},

	handleService: function(action) {
		return callService(action).then(done => {
			if (done.error || done.code)
				fail(done.text || _('It failed; the log tells why.'));
			return this.refresh();
		}).catch(e => fail(e.message));
	},

	/* Starting what is set to be off would do nothing. */
	handleStart: function() {
		if (uci.get('weir', 'main', 'enabled') == '1')
			return this.handleService('start');

		uci.set('weir', 'main', 'enabled', '1');
		return uci.save().then(() => ui.changes.apply());
	},

	/* The window opens with the click: one that opens later is a pop-up. */
	handleOpen: function() {
		const pages = window.open('', '_blank');
		if (pages)
			pages.opener = null;

		return callTicket().then(answer => {
			if (!answer.ticket)
				throw new Error(_('The daemon does not answer.'));
			const place = answer.url || 'http://%s:%d/'.format(window.location.hostname, answer.port);
			const url = new URL('door.php?ticket=' + answer.ticket, new URL(place, window.location.href));
			if (!/^https?:$/.test(url.protocol))
				throw new Error(place);
			if (pages)
				pages.location.replace(url);
			else
				window.location.assign(url);
		}).catch(e => {
			pages?.close();
			fail(e.message);
		});
	},

	refresh: function() {
		this.looked = (this.looked ?? 0) + 1;
		const again = this.looked % (REPORT_EVERY / NOW_EVERY) == 0;
		return Promise.all([
			look(),
			again ? L.resolveDefault(callReport(), this.report) : this.report,
			again ? L.resolveDefault(callHostHints(), this.hints) : this.hints
		]).then(([ found, report, hints ]) => {
			this.report = report;
			this.hints = hints;
			this.show(Object.assign(found, { report, hints }));
		});
	},

	show: function(found) {
		for (const [ id, made ] of [
			[ 'doubts', doubts ], [ 'tiles', tiles ], [ 'busiest', busiest ], [ 'status', rows ], [ 'coverage', coverage ]
		]) {
			const place = document.getElementById('weir-%s'.format(id));
			const nodes = made(found);
			place?.replaceChildren(...nodes);
			if (place?.dataset.section)
				document.getElementById(place.dataset.section).style.display = nodes.length ? '' : 'none';
		}
	},

	/* The pages, which are served by themselves. */
	pages: function() {
		if (uci.get('weir', 'web', 'enabled') != '1' && !uci.get('weir', 'web', 'url'))
			return E('em', [ _('The web pages are off. Install weir-web and enable them in the settings.') ]);

		return E('button', {
			'class': 'btn cbi-button cbi-button-action important',
			'title': _('In a new window, signed in'),
			'click': ui.createHandlerFn(this, 'handleOpen')
		}, [ _('Open Weir') ]);
	},

	render: function([ now, report, hints ]) {
		this.report = report;
		this.hints = hints;
		const found = Object.assign(now, { report, hints });

		poll.add(() => this.refresh(), NOW_EVERY);
		/* The busiest are made for who asks, within a second. */
		if (found.running && !found.recent)
			window.setTimeout(() => this.refresh(), 1500);

		const hidden = nodes => nodes.length ? '' : 'display:none';
		return E([], [
			E('h2', [ _('Weir') ]),
			E('div', { 'style': 'display:flex;flex-wrap:wrap;gap:.6em 2em;align-items:center;justify-content:space-between;margin-bottom:.8em' }, [
				E('div', { 'class': 'cbi-map-descr' }, [ _('Who on the network talks to whom, through which app.') ]),
				this.pages()
			]),
			E('div', { 'id': 'weir-doubts' }, doubts(found)),
			E('div', { 'class': 'cbi-section' }, [
				E('div', { 'id': 'weir-tiles', 'style': 'display:flex;flex-wrap:wrap;gap:.6em;margin-bottom:1em' }, tiles(found)),
				E('div', { 'id': 'weir-busiest', 'style': 'display:flex;flex-wrap:wrap;gap:0 2.5em' }, busiest(found))
			]),
			E('div', { 'class': 'cbi-section' }, [
				E('h3', [ _('Service') ]),
				E('table', { 'class': 'table', 'id': 'weir-status' }, rows(found)),
				E('div', { 'style': 'display:flex;gap:.5em;flex-wrap:wrap;align-items:center;margin:1em 0' }, [
					E('button', {
						'class': 'btn cbi-button cbi-button-apply',
						'click': ui.createHandlerFn(this, 'handleStart')
					}, [ _('Start') ]),
					E('button', {
						'class': 'btn cbi-button cbi-button-reset',
						'click': ui.createHandlerFn(this, 'handleService', 'stop')
					}, [ _('Stop') ]),
					E('button', {
						'class': 'btn cbi-button cbi-button-action',
						'click': ui.createHandlerFn(this, 'handleService', 'restart')
					}, [ _('Restart') ])
				])
			]),
			E('div', { 'class': 'cbi-section', 'id': 'weir-seen', 'style': hidden(coverage(found)) }, [
				E('h3', [ _('What is seen') ]),
				E('table', { 'class': 'table', 'id': 'weir-coverage', 'data-section': 'weir-seen' }, coverage(found))
			])
		]);
	},

	handleSaveApply: null,
	handleSave: null,
	handleReset: null
});
