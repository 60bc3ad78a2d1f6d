// Asks rpcd's plugin as rpcd would: plugin.uc PLUGIN FEATURES up|down

'use strict';

import { readfile, stat } from 'fs';

const plugin = loadfile(ARGV[0], { raw_mode: true })()['luci.weir'];
const features = ARGV[1];

function call(method, args) {
	const answer = plugin[method].call({ args: args ?? {} });
	if (type(answer) != 'object')
		die(`${method}: ${answer}`);
	return answer;
}

function same(got, wanted, what) {
	if (sprintf('%J', got) != sprintf('%J', wanted))
		die(sprintf('%s: %J instead of %J', what, got, wanted));
}

function whole() {
	let text = '', at = 0, piece;
	while (at != null) {
		piece = call('features', { at });
		if (length(piece.text) > 40 * 1024)
			die('a piece is too long for uhttpd');
		text += piece.text;
		at = piece.next;
	}
	same(length(text), piece.size, 'size');
	return { text, version: piece.version };
}

// Sends a text in pieces, as the view does.
function send(key, text) {
	const lines = split(text, '\n');
	for (let at = 0; at < length(lines); at += 500) {
		const part = slice(lines, at, at + 500);
		same(call('draft', { key, at, remove: 0, count: at, lines: part }), { count: at + length(part) }, 'draft');
	}
	return length(lines);
}

function up() {
	const now = call('now');
	same(type(now.status.version), 'string', 'now');
	same(match(call('ticket').ticket, /^[0-9a-f]{32}$/) != null, true, 'ticket');
	same(call('report'), { folder: 'report' }, 'report');
	same(call('service', { action: 'stop' }), { code: 0, text: '{"folder":"stop"}' }, 'service');
	for (let action in [ 'stop; reboot', '', null, 'report', 7, [ 'stop' ] ])
		same(call('service', { action }), { error: 'action' }, `service ${action}`);

	const file = whole();
	same(file.text == readfile(features), true, 'the file in pieces');
	const key = 'abcdefgh';
	const count = send(key, file.text);
	let found = call('check', { key });
	same([ found.mistakes, found.bytes, found.apps ], [ [], length(file.text), 2074 ], 'check');

	// One line is another, and says nothing.
	same(call('draft', { key, at: 40, remove: 0, count, lines: [ '微信:[tcp;x;;;]' ] }), { count: count + 1 }, 'draft');
	found = call('check', { key });
	same([ found.mistakes[0].line, found.mistakes[0].column ], [ 41, 9 ], 'the place of a mistake');
	found = call('save', { key, bytes: found.bytes, version: file.version });
	same([ length(found.mistakes), found.saved ], [ 1, null ], 'save with a mistake');
	same(readfile(features) == file.text, true, 'nothing was saved');

	same(call('draft', { key, at: 40, remove: 1, count: count + 1, lines: [ 'TestApp:[;;;test.example;]' ] }), { count: count + 1 }, 'draft');
	const bytes = call('check', { key }).bytes;
	same(call('save', { key, bytes: bytes - 1, version: file.version }), { again: true }, 'another text than was sent');
	same(call('save', { key, bytes, version: 'x' }), { error: 'changed' }, 'somebody else wrote it');
	const saved = call('save', { key, bytes, version: file.version });
	same([ saved.saved, saved.taken ], [ bytes, true ], 'save');
	same(length(readfile(features)), bytes, 'what was saved');
	same(stat(`${features}.new`), null, 'what was written aside');
}

function nonsense() {
	for (let key in [ null, '', 'short', '../../../etc', 'ABCDEFGH', 7 ])
		same(call('draft', { key, at: 0, remove: 0, count: 0, lines: [] }), { error: 'draft' }, `key ${key}`);
	const key = 'zzzzzzzz';
	same(call('draft', { key, at: 0, remove: 0, count: 0, lines: null }), { error: 'draft' }, 'lines');
	for (let place in [ [ 1, 0, 0 ], [ 0, 1, 0 ], [ -1, 0, 0 ], [ 0, -1, 0 ], [ 0, 0, 7 ] ])
		same(call('draft', { key, at: place[0], remove: place[1], count: place[2], lines: [] }), { again: true }, `${place}`);
	same(call('check', { key: 'nobodyhas' }), { again: true }, 'a draft that is not there');
	same(call('save', { key: 'nobodyhas', bytes: 0, version: '' }), { again: true }, 'a draft that is not there');
	let long = 'xxxxxxxxxxxxxxxx';
	while (length(long) < 1024 * 1024)
		long += long;
	same(call('draft', { key, at: 0, remove: 0, count: 0, lines: [ long, '' ] }), { error: 'long' }, 'too long');
	// The oldest gives way.
	for (let name in [ 'aaaaaaaa', 'bbbbbbbb', 'cccccccc' ])
		call('draft', { key: name, at: 0, remove: 0, count: 0, lines: [ 'x' ] });
	same(call('check', { key: 'aaaaaaaa' }), { again: true }, 'drafts are few');
	same(call('features', { at: -5 }).text == call('features').text, true, 'before the begin');
	same(call('features', { at: 1 << 30 }).next, null, 'behind the end');
}

// No daemon: its program checks, and the file can be mended.
function down() {
	same(call('now'), { error: 'away' }, 'now');
	same(call('ticket'), { error: 'away' }, 'ticket');
	const key = 'abcdefgh';
	send(key, 'QQ:[;;;qq.com;]\nnonsense\n');
	const found = call('check', { key });
	same([ found.mistakes[0].line, found.number ], [ 2, 1 ], 'check by the program');
	const version = whole().version;
	same(call('draft', { key, at: 1, remove: 1, count: 3, lines: [ '# mended' ] }), { count: 3 }, 'draft');
	const bytes = call('check', { key }).bytes;
	const saved = call('save', { key, bytes, version });
	same([ saved.saved, saved.taken ], [ bytes, false ], 'save');
	same(readfile(features), 'QQ:[;;;qq.com;]\n# mended\n', 'what was saved');
}

if (ARGV[2] == 'up') {
	nonsense();
	up();
}
else {
	down();
}
print('well\n');
