'use strict';
// Runs LuCI's views with the least of LuCI around them: views.js VIEW...
// What a view asks for by a name that nothing has, or calls wrongly, fails here.

const fs = require('fs');
const assert = require('assert');

String.prototype.format = function(...values) {
	return this.replace(/%%|%[\d.]*(?:mB|mbit\/s|[dfs])/g, found => found === '%%' ? '%' : String(values.shift()));
};

// A list instead of a tag is a fragment, which what follows is appended to.
const E = (tag, attributes, children) => {
	if (Array.isArray(attributes))
		[ attributes, children ] = [ {}, attributes ];
	const first = Array.isArray(tag) ? tag : [];
	return {
		tag, attributes, children: [ ...first, ...[].concat(children ?? []) ],
		style: {}, value: '', textContent: '', scrollTop: 0, scrollLeft: 0, clientHeight: 400, isConnected: true,
		replaceChildren(...nodes) { this.children = nodes; },
		focus() {},
		setSelectionRange(from, to) { this.selected = [ from, to ]; }
	};
};

const words = node => typeof node === 'object' ? [ node.textContent, ...node.children.map(words) ].join(' ') : String(node);
const find = (node, is) => typeof node !== 'object' ? [] : [ ...is(node) ? [ node ] : [], ...node.children.flatMap(child => find(child, is)) ];

const STATUS = {
	version: '0.1.0', started: '2026-11-20T10:00:00.000000+0000', features: { apps: 7 },
	engine: { frames: 200, malformed: 1, orphans: 1, sessions: 50, sessions_open: 9, ended_by_eviction: 5 },
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

const RECENT = {
	since: 1, minute: { in: 7500000, out: 750 }, in: 900, out: 100,
	devices: { number: 12, top: [ { device: 'aa:bb:cc:00:00:01', in: 800, out: 80 }, { device: '10.0.0.9', in: 0, out: 0 } ] },
	apps: { number: 2, top: [ { app: 'QQ', zh: '腾讯QQ', in: 700, out: 70 }, { app: null, zh: null, in: 1, out: 0 } ] }
};

// What rpcd keeps of texts, and a check that knows two mistakes.
class Rpcd {
	constructor(text) {
		this.text = text;
		this.drafts = new Map();
		this.calls = 0;
	}

	answer(method, args) {
		this.calls++;
		switch (method) {
		case 'now': return { status: STATUS, recent: RECENT };
		case 'report': return REPORT;
		case 'ticket': return { ticket: '0'.repeat(32), port: 8090 };
		case 'service': return { code: 0, text: '' };
		case 'features': {
			const [ at ] = args, piece = this.text.slice(at, at + 1000);
			return { text: piece, next: at + 1000 < this.text.length ? at + 1000 : null, version: 'v1' };
		}
		case 'draft': {
			const [ key, at, remove, count, lines ] = args;
			assert(JSON.stringify(args).length < 60000, 'uhttpd takes 64 kB');
			const draft = this.drafts.get(key) ?? [];
			this.drafts.set(key, draft);
			if (draft.length !== count) {
				draft.length = 0;
				return { again: true };
			}
			draft.splice(at, remove, ...lines);
			return { count: draft.length };
		}
		case 'check':
			return this.check(this.drafts.get(args[0]).join('\n'));
		case 'save': {
			const text = this.drafts.get(args[0]).join('\n');
			assert.equal(Buffer.byteLength(text), args[1]);
			this.text = text;
			return { saved: args[1], version: 'v2', taken: true };
		}
		}
		assert.fail(method);
	}

	check(text) {
		const mistakes = text.split('\n').flatMap((line, at) => line.includes('nonsense')
			? [ { line: at + 1, column: Array.from(line.slice(0, line.indexOf('nonsense'))).length + 1, expected: 'sense' } ] : []);
		return { mistakes, number: mistakes.length, apps: 3, features: 4, bytes: Buffer.byteLength(text) };
	}
}

// A router on which Weir runs, or the program is not even there.
function around(runs, config) {
	const asked = new Set();
	const options = [];
	const later = [];
	const rpcd = new Rpcd('#class chat Chat 聊天\nQQ:[;;;qq.com;]\n' + '# ☃ 𝒳\n'.repeat(9000));
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
		asked, options, later, rpcd,
		names: {
			E, _: text => text, console,
			L: { resolveDefault: (promise, value) => Promise.resolve(promise).catch(() => value) },
			document: { getElementById: () => null, documentElement: { lang: 'zh-CN' } },
			window: {
				location: { hostname: 'router' },
				addEventListener() {},
				setTimeout: work => later.push(work),
				clearTimeout() { later.length = 0; },
				getComputedStyle: () => ({})
			},
			dom: { content() {} },
			poll: { add() {} },
			rpc: {
				declare: what => (...args) => {
					asked.add(`${what.object} ${what.method}`);
					if (what.object === 'log')
						return Promise.resolve([ { msg: 'weir[1]: capturing', time: 1 }, { msg: 'dnsmasq[2]: no', time: 2 } ]);
					if (!runs)
						return Promise.reject(new Error('no'));
					if (what.object === 'luci-rpc')
						return Promise.resolve({ 'AA:BB:CC:00:00:01': { name: 'laptop' } });
					if (what.object === 'service')
						return Promise.resolve({ weir: { instances: { instance1: { running: true } } } });
					return Promise.resolve(rpcd.answer(what.method, args));
				}
			},
			uci: { load: () => Promise.resolve(), get: (file, section, option) => option ? config[section]?.[option] : config[section] },
			ui: { createHandlerFn: () => () => {}, addNotification() {} },
			view: { extend: what => what },
			widgets: { NetworkSelect: {}, DeviceSelect: {} },
			form: {
				Map: function() { return { section, render: () => E('form', {}, []) }; },
				NamedSection: {}, Flag: {}, Value: {}, ListValue: {}, DynamicList: {}
			}
		}
	};
}

async function show(path, runs, config) {
	const { names, ...rest } = around(runs, config);
	const text = fs.readFileSync(path, 'utf8');
	for (const [ , name, as ] of text.matchAll(/^'require ([\w.]+)(?: as (\w+))?';$/mg))
		assert((as ?? name) in names, name);
	const view = new Function(...Object.keys(names), text)(...Object.values(names));
	const page = await view.render(await view.load());
	return { text: words(page), page, view, ...rest };
}

// Types into the editor, and lets what it put off be done.
async function type({ view, later }, text) {
	view.area.value = text;
	view.changed();
	assert(view.saveButton.disabled, 'not before it is checked');
	for (const work of later.splice(0))
		await work();
	await view.busy;
}

async function edit(shown) {
	const { view, rpcd } = shown;
	assert.equal(view.area.value, rpcd.text, 'all pieces');
	await type(shown, rpcd.text);
	assert.deepEqual([ view.saveButton.disabled, view.message.textContent ], [ true, '3 apps with 4 features. Saved.' ]);
	const before = rpcd.text;
	const lines = before.split('\n');
	lines[5000] = '𝒳☃ nonsense';
	let calls = rpcd.calls;
	await type(shown, lines.join('\n'));
	assert.equal(rpcd.calls - calls, 2, 'only what changed is sent');
	assert(view.saveButton.disabled && words(view.list).includes('Line 5001, column 4: expected sense'), words(view.list));
	view.goto({ line: 5001, column: 4 });
	const [ from, to ] = view.area.selected;
	assert.equal(view.area.value.slice(from, to + 7), 'nonsense');
	assert(words(view.gutter).includes('5001'), 'the line is in sight');
	assert(words(view.marks).includes('n'), 'and marked');
	// rpcd forgot it all.
	rpcd.drafts.clear();
	lines[5000] = '微信:[;;;weixin.qq.com;]';
	lines.splice(6000, 10, 'A:[;;;a.io;]', '');
	const text = lines.join('\n');
	await type(shown, text);
	assert(!view.saveButton.disabled, view.message.textContent);
	assert.equal(rpcd.text, before);
	await view.handleWrite();
	await view.busy;
	assert.equal(rpcd.text, text, 'exactly that');
	assert(view.saveButton.disabled && view.version === 'v2');
	await type(shown, '');
	await type(shown, text);
	assert.equal([ ...rpcd.drafts.values() ][0].join('\n'), text);
}

// What the views may ask, by acl.d.
const acl = JSON.parse(fs.readFileSync(`${__dirname}/../../openwrt/luci-app-weir/root/usr/share/rpcd/acl.d/luci-app-weir.json`));
const allowed = Object.values(acl).flatMap(one => [ one.read, one.write ])
	.flatMap(way => Object.entries(way.ubus).flatMap(([ object, methods ]) => methods.map(method => `${object} ${method}`)));

(async () => {
	for (const path of process.argv.slice(2)) {
		const name = path.match(/(\w+)\.js$/)[1];
		const up = await show(path, true, { main: { enabled: '1' }, web: { enabled: '1', port: '8090' } });
		if (name === 'features')
			await edit(up);
		const down = name === 'features' ? null : await show(path, false, {});
		for (const question of [ ...up.asked, ...down?.asked ?? [] ])
			assert(allowed.includes(question), question);
		if (name === 'overview') {
			for (const part of [ '0.1.0', '90 seen, 10 (10', 'it is down', 'passwall takes', 'Open Weir', 'laptop', '10.0.0.9', '腾讯QQ', 'not recognised' ])
				assert(up.text.includes(part), `${part}: ${up.text}`);
			assert(down.text.includes('not running') && down.text.includes('web pages are off'), down.text);
			assert.equal(find(up.page, node => node.tag === 'button').length, 4);
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
