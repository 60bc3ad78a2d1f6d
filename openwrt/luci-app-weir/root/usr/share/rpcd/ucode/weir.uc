// SPDX-License-Identifier: MIT
// What LuCI asks about Weir. The daemon answers on its control socket; here,
// as root, is only what it can't do in its jail: write its signatures, and be
// started and stopped.

'use strict';

import { access, chmod, open, popen, readfile, rename, stat, unlink } from 'fs';
import { connect, poll, POLLIN, POLLOUT } from 'socket';
import { cursor } from 'uci';

const SOCKET = '/var/run/weir/control.sock';
const PROGRAM = '/usr/sbin/weir';
const INIT = '/etc/init.d/weir';
const FEATURES = '/etc/weir/features.txt';
const DRAFT = '/var/etc/weir-draft.txt';

// rpcd does nothing else meanwhile. Reading a large features.txt takes a
// small router a second.
const PATIENCE = 5000;
const LARGEST_ANSWER = 1024 * 1024;

// As the daemon has it. What a browser edits comes in pieces, because uhttpd
// takes 64 kB at once.
const LARGEST_TEXT = 1024 * 1024;
const PIECE = 40 * 1024;
const MOST_DRAFTS = 2;

// Key: the lines of a text that a browser edits. The oldest comes first.
let drafts = [];

// Asks the daemon; null when it does not answer.
function ask(question) {
	const sock = connect({ path: SOCKET }, null, null, PATIENCE);
	if (!sock)
		return null;

	let left = sprintf('%J\n', question);
	while (length(left)) {
		const ready = poll(PATIENCE, [ sock, POLLOUT ]);
		const sent = ready?.[0]?.[1] == POLLOUT ? sock.send(left) : null;
		if (!sent) {
			sock.close();
			return null;
		}
		left = substr(left, sent);
	}

	let answer = '';
	while (length(answer) < LARGEST_ANSWER && substr(answer, -1) != '\n') {
		const ready = poll(PATIENCE, [ sock, POLLIN ]);
		const part = ready?.[0]?.[1] & POLLIN ? sock.recv(64 * 1024) : null;
		if (!length(part))
			break;
		answer += part;
	}
	sock.close();

	try {
		return json(answer);
	}
	catch (e) {
		return null;
	}
}

// Output and exit code of a command without anything of a user's in it.
function run(command) {
	const pipe = popen(`${command} 2>&1`, 'r');
	if (!pipe)
		return { code: -1, text: '' };
	const text = pipe.read('all');
	return { code: pipe.close(), text: text ?? '' };
}

function write(path, text) {
	unlink(path);
	const file = open(path, 'wx', 0644);
	if (!file)
		return false;
	const done = file.write(text) == length(text) && file.flush() != null;
	// rpcd makes files for root only, and the daemon is not root.
	return file.close() && chmod(path, 0644) && done;
}

// What tells whether somebody else wrote the file meanwhile.
function version() {
	const about = stat(FEATURES);
	return about ? `${about.mtime}-${about.size}-${about.inode}` : '';
}

// When no daemon runs, perhaps because of a mistake in the file, its program
// tells the same in words.
function check_by_program(text) {
	if (!access(PROGRAM, 'x') || !write(DRAFT, text))
		return null;
	const done = run(`${PROGRAM} check --features ${DRAFT}`);
	unlink(DRAFT);

	const mistakes = [];
	for (let line in split(done.text, '\n')) {
		const found = match(line, /^weir: [^:]*:([0-9]+):([0-9]+): expected (.*)$/);
		if (found && length(mistakes) < 100)
			push(mistakes, { line: +found[1], column: +found[2], expected: found[3] });
	}
	if (done.code == 0)
		return { mistakes: [] };
	return length(mistakes) ? { mistakes, number: length(mistakes) } : { error: trim(done.text) };
}

function check(text) {
	if (length(text) > LARGEST_TEXT)
		return { error: 'long' };
	return ask({ command: 'check', features: text }) ?? check_by_program(text) ?? { error: 'away' };
}

function draft_of(key) {
	return filter(drafts, draft => draft.key == key)[0];
}

function text_of(draft) {
	return join('\n', draft.lines);
}

return {
	'luci.weir': {
		// The daemon's status with the busiest of the last hour.
		now: {
			call: () => ask({ command: 'now' }) ?? { error: 'away' }
		},

		// Where the database is, and what makes figures doubtful.
		report: {
			call: () => {
				try {
					return json(run(`${INIT} report`).text);
				}
				catch (e) {
					return { error: 'report' };
				}
			}
		},

		service: {
			args: { action: 'start' },
			call: request => {
				const action = request.args.action;
				if (!(action in [ 'start', 'stop', 'restart' ]))
					return { error: 'action' };
				const done = run(`${INIT} ${action}`);
				return { code: done.code, text: trim(substr(done.text, 0, 1000)) };
			}
		},

		// A piece of features.txt, whole lines if they are not too long.
		features: {
			args: { at: 0 },
			call: request => {
				const text = readfile(FEATURES, LARGEST_TEXT + 1);
				if (text == null)
					return { text: '', next: null, size: 0, version: version() };
				if (length(text) > LARGEST_TEXT)
					return { error: 'long' };
				const at = max(0, request.args.at ?? 0);
				let piece = substr(text, at, PIECE);
				if (at + length(piece) < length(text)) {
					const end = rindex(piece, '\n');
					if (end >= 0)
						piece = substr(piece, 0, end + 1);
				}
				const next = at + length(piece);
				return { text: piece, next: next < length(text) ? next : null, size: length(text), version: version() };
			}
		},

		// Puts `lines` in the place of `remove` lines from `at` on. `count` is how
		// many the browser believes there are: when that is wrong it sends all again.
		draft: {
			args: { key: '', at: 0, remove: 0, count: 0, lines: [] },
			call: request => {
				const key = request.args.key, lines = request.args.lines;
				const at = request.args.at ?? 0, remove = request.args.remove ?? 0, count = request.args.count;
				if (!match(key ?? '', /^[0-9a-z]{8,32}$/) || type(lines) != 'array')
					return { error: 'draft' };
				let draft = draft_of(key);
				if (!draft) {
					draft = { key, lines: [] };
					push(drafts, draft);
					while (length(drafts) > MOST_DRAFTS)
						shift(drafts);
				}
				if (length(draft.lines) != count || at < 0 || remove < 0 || at + remove > count) {
					draft.lines = [];
					return { again: true };
				}
				draft.lines = [
					...slice(draft.lines, 0, at),
					...map(lines, line => `${line}`),
					...slice(draft.lines, at + remove)
				];
				if (length(draft.lines) > LARGEST_TEXT || length(text_of(draft)) > LARGEST_TEXT) {
					draft.lines = [];
					return { error: 'long' };
				}
				return { count: length(draft.lines) };
			}
		},

		check: {
			args: { key: '' },
			call: request => {
				const draft = draft_of(request.args.key);
				if (!draft)
					return { again: true };
				const text = text_of(draft);
				return { ...check(text), bytes: length(text) };
			}
		},

		// Writes the draft, if nothing is wrong with it, and lets the daemon take
		// it over. `version` is that of the file that was edited.
		save: {
			args: { key: '', bytes: 0, version: '' },
			call: request => {
				const draft = draft_of(request.args.key);
				const text = draft ? text_of(draft) : null;
				if (text == null || length(text) != request.args.bytes)
					return { again: true };
				if (version() != request.args.version)
					return { error: 'changed' };
				const found = check(text);
				if (found.error || length(found.mistakes))
					return found;
				if (!write(`${FEATURES}.new`, text) || !rename(`${FEATURES}.new`, FEATURES)) {
					unlink(`${FEATURES}.new`);
					return { error: 'write' };
				}
				return { saved: length(text), version: version(), taken: ask({ command: 'reload' })?.done == true };
			}
		},

		// A ticket that signs whoever shows it in to the pages, and where they are.
		ticket: {
			call: () => {
				const answer = ask({ command: 'ticket' });
				if (!answer?.ticket)
					return { error: 'away' };
				const uci = cursor();
				return {
					ticket: answer.ticket,
					port: +(uci.get('weir', 'web', 'port') ?? 8090),
					url: uci.get('weir', 'web', 'url')
				};
			}
		}
	}
};
