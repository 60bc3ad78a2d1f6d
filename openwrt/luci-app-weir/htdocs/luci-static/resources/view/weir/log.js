'use strict';
'require dom';
'require poll';
'require rpc';
'require view';

/* More would take long to send to a browser. */
const LINES = 1000;

const callLogRead = rpc.declare({
	object: 'log',
	method: 'read',
	params: [ 'lines', 'stream', 'oneshot' ],
	expect: { log: [] }
});

function look() {
	return L.resolveDefault(callLogRead(LINES, false, true), []).then(log => log
		.filter(entry => /^(weir|weir-web)(\[\d+\])?:/.test(entry.msg))
		.map(entry => '%s  %s'.format(new Date(entry.time).toLocaleString(), entry.msg))
		.reverse()
		.join('\n'));
}

function shown(text) {
	return text || _('Weir has said nothing lately.');
}

return view.extend({
	load: function() {
		return look();
	},

	render: function(text) {
		poll.add(() => look().then(text => {
			const log = document.getElementById('weir-log');
			if (log)
				dom.content(log, [ shown(text) ]);
		}), 5);

		return E([], [
			E('h2', [ _('Log') ]),
			E('div', { 'class': 'cbi-map-descr' }, [ _('What Weir said, the latest first.') ]),
			E('pre', { 'id': 'weir-log', 'style': 'white-space:pre-wrap' }, [ shown(text) ])
		]);
	},

	handleSaveApply: null,
	handleSave: null,
	handleReset: null
});
