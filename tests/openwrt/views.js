'use strict';
// Runs LuCI's views with the least of LuCI around them: views.js VIEW...
// What a view asks for by a name that nothing has, or calls wrongly, fails here.

const fs = require('fs');
const assert = require('assert');

String.prototype.format = function(...values) {
	return this.replace(/%%|%[\d.]*(?:mB|[dfs])/g, found => found === '%%' ? '%' : String(values.shift()));
};

// A list instead of a tag is a fragment, which what follows is appended to.
const E = (tag, attributes, children) => {
	if (Array.isArray(attributes))
		[ attributes, children ] = [ {}, attributes ];
	const first = Array.isArray(tag) ? tag : [];
	return { tag, attributes, children: [ ...first, ...[].concat(children ?? []) ] };
};

const words = node => typeof node === 'object' ? node.children.map(words).join(' ') : String(node);

const STATUS = {
	version: '0.1.0', started: '2026-11-20 10:00:00', features: { apps: 7 },
	interfaces: [
		{ name: 'br-lan', offered: 90, lost: 10, trouble: null },
		{ name: 'eth1', offered: 0, lost: 0, trouble: 'it is down' }
	],
	store: { written: 5, lost: 0, offered: 5, trouble: null, flash_bytes: { today: 5, held: true } }
};
const REPORT = {
	folder: '/var/lib/weir', size: 4096, storage: 'memory',
	doubts: [ [ 'offload_hw', '' ], [ 'offload', '' ], [ 'nlbwmon', '' ], [ 'proxy', 'passwall' ], [ 'flash', '' ] ]
};

// A router on which Weir runs, or the program is not even there.
function around(runs, config) {
	const ran = [];
	const options = [];
	const section = () => ({
		tab() {},
		option(type, name, ...rest) { return this.taboption('', type, name, ...rest); },
		taboption(tab, type, name, title) {
			assert(type && title, name);
			const o = { name, value() {}, depends() {} };
			options.push(o);
			return o;
		}
	});
	return {
		ran, options,
		names: {
			E, _: text => text, console,
			L: { resolveDefault: (promise, value) => Promise.resolve(promise).catch(() => value) },
			document: { getElementById: () => null },
			window: { location: { hostname: 'router' } },
			dom: { content() {} },
			poll: { add() {} },
			rpc: {
				declare: what => () => Promise.resolve(what.object === 'log'
					? [ { msg: 'weir[1]: capturing', time: 1 }, { msg: 'dnsmasq[2]: no', time: 2 } ]
					: runs ? { weir: { instances: { instance1: { running: true } } } } : {})
			},
			fs: {
				exec(command, args) {
					ran.push([ command, ...args ].join(' '));
					if (!runs)
						return Promise.reject(new Error('no'));
					return Promise.resolve({ code: 0, stdout: JSON.stringify(args[0] === 'status' ? STATUS : REPORT) });
				}
			},
			uci: { load: () => Promise.resolve(), get: (file, section, option) => option ? config[section]?.[option] : config[section] },
			ui: { createHandlerFn: () => () => {}, addNotification() {} },
			view: { extend: what => what },
			widgets: { NetworkSelect: {}, DeviceSelect: {} },
			form: {
				Map: function() { return { section, render: () => E('form', {}, []) }; },
				NamedSection: {}, Flag: {}, Value: {}, ListValue: {}
			}
		}
	};
}

async function show(path, runs, config) {
	const { names, ran, options } = around(runs, config);
	const text = fs.readFileSync(path, 'utf8');
	for (const [ , name, as ] of text.matchAll(/^'require ([\w.]+)(?: as (\w+))?';$/mg))
		assert((as ?? name) in names, name);
	const view = new Function(...Object.keys(names), text)(...Object.values(names));
	const page = await view.render(await view.load());
	return { text: words(page), page, ran, options };
}

// What the views may run, by acl.d.
const acl = JSON.parse(fs.readFileSync(`${__dirname}/../../openwrt/luci-app-weir/root/usr/share/rpcd/acl.d/luci-app-weir.json`));
const allowed = Object.values(acl).flatMap(one => [ ...Object.keys(one.read.file), ...Object.keys(one.write.file) ]);

(async () => {
	for (const path of process.argv.slice(2)) {
		const name = path.match(/(\w+)\.js$/)[1];
		const up = await show(path, true, { main: { enabled: '1' }, web: { enabled: '1', port: '8090' } });
		const down = await show(path, false, {});
		for (const command of [ ...up.ran, ...down.ran ])
			assert(allowed.includes(command), command);
		if (name === 'status') {
			for (const part of [ '0.1.0', '90 seen, 10 (10', 'it is down', 'passwall takes', 'Open the web pages' ])
				assert(up.text.includes(part), `${part}: ${up.text}`);
			assert(down.text.includes('not running') && down.text.includes('web pages are off'), down.text);
		}
		if (name === 'log')
			assert(up.text.includes('capturing') && !up.text.includes('dnsmasq'), up.text);
		if (name === 'settings')
			assert(up.options.length > down.options.length && down.options.length >= 30, `${up.options.length} ${down.options.length}`);
	}
})().catch(error => {
	console.error(error);
	process.exit(1);
});
