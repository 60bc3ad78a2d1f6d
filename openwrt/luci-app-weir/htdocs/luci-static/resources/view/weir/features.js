'use strict';
'require rpc';
'require ui';
'require view';

const callFeatures = rpc.declare({ object: 'luci.weir', method: 'features', params: [ 'at' ] });
const callDraft = rpc.declare({
	object: 'luci.weir',
	method: 'draft',
	params: [ 'key', 'at', 'remove', 'count', 'lines' ]
});
const callCheck = rpc.declare({ object: 'luci.weir', method: 'check', params: [ 'key' ] });
const callSave = rpc.declare({ object: 'luci.weir', method: 'save', params: [ 'key', 'bytes', 'version' ] });

/* uhttpd takes 64 kB at once, and JSON doubles some of it. */
const PIECE = 24000;

/* Who types is left alone for so long, in milliseconds. */
const PAUSE = 600;

/* Mistakes in the list below the text. */
const LISTED = 20;

const LINE = 20;
const FONT = 'font:13px/%dpx ui-monospace,Menlo,Consolas,"Noto Sans Mono CJK SC",monospace;tab-size:4;'.format(LINE);

function size(text) {
	return new TextEncoder().encode(text).length;
}

/* The whole file, piece by piece. */
function read() {
	const next = (at, text, version) => callFeatures(at).then(piece => {
		if (piece.error)
			throw new Error(_('The file is larger than 1 MiB.'));
		/* Somebody wrote it meanwhile. */
		if (at > 0 && piece.version != version)
			return next(0, '', null);
		text += piece.text;
		return piece.next ? next(piece.next, text, piece.version) : { text, version: piece.version };
	});
	return next(0, '', null);
}

/* What rpcd has of the text, so that only what changed has to be sent. */
class Draft {
	constructor() {
		this.key = Math.random().toString(36).slice(2).padEnd(10, '0');
		this.lines = [];
	}

	/* Brings it to these lines. */
	send(lines, tries) {
		const old = this.lines;
		const shorter = Math.min(old.length, lines.length);
		let head = 0;
		while (head < shorter && old[head] === lines[head])
			head++;
		let tail = 0;
		while (tail < shorter - head && old[old.length - 1 - tail] === lines[lines.length - 1 - tail])
			tail++;
		return this.piece(lines, head, old.length - head - tail, lines.length - tail, tries ?? 0);
	}

	/* Puts lines from `at` to `end` in the place of `remove` lines at `at`. */
	piece(lines, at, remove, end, tries) {
		let to = at, bytes = 0;
		while (to < end && (to == at || bytes < PIECE))
			bytes += JSON.stringify(lines[to++]).length * 3;
		if (to == at && !remove)
			return Promise.resolve();
		const count = this.lines.length;
		return callDraft(this.key, at, remove, count, lines.slice(at, to)).then(answer => {
			if (answer.error)
				throw new Error(_('The text is larger than 1 MiB.'));
			if (answer.again) {
				/* rpcd was started anew, or others edit too. */
				this.lines = [];
				if (tries > 2)
					throw new Error(_('The router does not keep the text.'));
				return this.send(lines, tries + 1);
			}
			this.lines = [ ...this.lines.slice(0, at), ...lines.slice(at, to), ...this.lines.slice(at + remove) ];
			return to < end ? this.piece(lines, to, 0, end, tries) : undefined;
		});
	}
}

function place(mistake) {
	return _('Line %d, column %d: expected %s').format(mistake.line, mistake.column, mistake.expected);
}

return view.extend({
	load: function() {
		return read();
	},

	lines: function() {
		return this.area.value.split('\n');
	},

	/* Numbers and marks of the lines that are in sight. */
	paint: function() {
		const first = Math.max(0, Math.floor(this.area.scrollTop / LINE) - 2);
		const last = Math.min(this.count, first + Math.ceil(this.area.clientHeight / LINE) + 6);
		const numbers = [], marks = [];
		const shift = 'position:absolute;height:%dpx;white-space:pre;top:%dpx;';

		for (let at = first; at < last; at++) {
			const mistake = this.marked.get(at + 1);
			const top = at * LINE - this.area.scrollTop;
			numbers.push(E('div', {
				'style': shift.format(LINE, top) + 'right:.5em;' + (mistake ? 'color:#c22;font-weight:bold' : 'opacity:.6'),
				'title': mistake ? place(mistake) : ''
			}, [ String(at + 1) ]));
			if (!mistake)
				continue;
			/* In characters, as the daemon counts; astral ones are one. */
			const chars = Array.from(this.shown[at] ?? '');
			marks.push(E('div', {
				'style': shift.format(LINE, top) + 'left:%dpx;min-width:100%%;background:rgba(220,40,40,.13);color:transparent'.format(-this.area.scrollLeft)
			}, [
				chars.slice(0, mistake.column - 1).join(''),
				E('span', { 'style': 'background:rgba(220,40,40,.45);border-bottom:2px solid #c22' }, [ chars[mistake.column - 1] ?? ' ' ])
			]));
		}
		this.gutter.replaceChildren(...numbers);
		this.marks.replaceChildren(...marks);
	},

	/* Numbers take more room as they grow; marks have the font that a theme
	   gives the text, which on phones is a larger one. */
	measure: function() {
		const style = window.getComputedStyle(this.area);
		this.marks.style.fontSize = style.fontSize;
		this.marks.style.fontFamily = style.fontFamily;
		this.marks.style.letterSpacing = style.letterSpacing;
		this.shown = this.lines();
		this.count = this.shown.length;
		this.gutter.style.width = '%.1fem'.format(String(this.count).length * 0.62 + 1.2);
		this.paint();
	},

	state: function(text, kind) {
		this.message.textContent = text;
		this.message.style.color = kind == 'bad' ? '#c22' : '';
		this.saveButton.disabled = kind != 'right' || this.isSaved();
		this.undoButton.disabled = this.isSaved();
	},

	isSaved: function() {
		return this.area.value === this.saved;
	},

	goto: function(mistake) {
		const lines = this.lines();
		let at = 0;
		for (let line = 0; line < mistake.line - 1 && line < lines.length; line++)
			at += lines[line].length + 1;
		const chars = Array.from(lines[mistake.line - 1] ?? '');
		at += chars.slice(0, mistake.column - 1).join('').length;
		this.area.focus();
		this.area.setSelectionRange(at, at + (chars[mistake.column - 1] ?? '').length);
		this.area.scrollTop = Math.max(0, (mistake.line - 4) * LINE);
		this.paint();
	},

	tell: function(answer) {
		const mistakes = answer.mistakes ?? [];
		/* The first of each line. */
		this.marked = new Map();
		for (const mistake of mistakes)
			if (!this.marked.has(mistake.line))
				this.marked.set(mistake.line, mistake);

		this.list.replaceChildren(...mistakes.slice(0, LISTED).map(mistake => E('li', [
			E('a', { 'href': '#', 'click': ev => { ev.preventDefault(); this.goto(mistake); } }, [ place(mistake) ])
		])));

		if (answer.error == 'away')
			this.state(_('Neither the daemon nor its program answers, so nothing can be checked or saved.'), 'bad');
		else if (answer.error)
			this.state(answer.error == 'long' ? _('The text is larger than 1 MiB.') : answer.error, 'bad');
		else if (mistakes.length)
			this.state(_('%d mistakes; nothing is saved until they are gone.').format(answer.number ?? mistakes.length), 'bad');
		else if (this.isSaved())
			this.state(answer.apps != null ? _('%d apps with %d features. Saved.').format(answer.apps, answer.features) : _('Saved.'), 'right');
		else
			this.state(answer.apps != null ? _('%d apps with %d features, and no mistake.').format(answer.apps, answer.features) : _('No mistake.'), 'right');
		this.paint();
	},

	/* Only the last of what was begun tells. */
	check: function() {
		const text = this.area.value;
		const turn = ++this.turn;
		/* One after the other: the draft has one state. */
		this.busy = (this.busy ?? Promise.resolve()).then(() => {
			if (turn != this.turn)
				return;
			return this.draft.send(text.split('\n')).then(() => callCheck(this.draft.key)).then(answer => {
				if (turn != this.turn)
					return;
				if (answer.again || (answer.bytes != null && answer.bytes != size(text))) {
					this.draft.lines = [];
					this.changed();
					return;
				}
				this.tell(answer);
			});
		}).catch(e => {
			if (turn == this.turn)
				this.state(e.message, 'bad');
		});
		return this.busy;
	},

	changed: function() {
		this.turn++;
		this.measure();
		this.state(_('Checking…'), 'waiting');
		window.clearTimeout(this.timer);
		this.timer = window.setTimeout(() => this.check(), PAUSE);
	},

	handleWrite: function() {
		const text = this.area.value;
		return callSave(this.draft.key, size(text), this.version).then(answer => {
			if (answer.saved != null) {
				this.saved = text;
				this.version = answer.version;
				ui.addNotification(null, E('p', [ answer.taken
					? _('Saved. The daemon takes it over.')
					: _('Saved. The daemon does not run; it takes it when it starts.') ]), 'info');
				return this.check();
			}
			if (answer.error == 'changed')
				throw new Error(_('Somebody else changed the file. Copy what you wrote, and load the page again.'));
			if (answer.error == 'write')
				throw new Error(_('The file could not be written. Is there room left?'));
			if (answer.again)
				return this.check();
			this.tell(answer);
		}).catch(e => ui.addNotification(null, E('p', [ e.message ]), 'danger'));
	},

	handleUndo: function() {
		this.area.value = this.saved;
		this.changed();
	},

	render: function({ text, version }) {
		this.version = version;
		this.draft = new Draft();
		this.marked = new Map();
		this.turn = 0;

		const pane = FONT + 'padding:0;margin:0;border:0;';
		this.gutter = E('div', { 'style': pane + 'position:relative;flex:none;overflow:hidden;background:rgba(128,128,128,.12)', 'aria-hidden': 'true' });
		this.marks = E('div', { 'style': pane + 'position:absolute;inset:0;overflow:hidden;pointer-events:none', 'aria-hidden': 'true' });
		this.area = E('textarea', {
			'style': pane + 'position:absolute;inset:0;width:100%;height:100%;max-width:none;resize:none;overflow:auto;white-space:pre;'
				+ 'background:transparent;box-shadow:none;border-radius:0;outline:none',
			'wrap': 'off',
			'spellcheck': 'false',
			'autocapitalize': 'off',
			'autocomplete': 'off',
			'aria-label': _('Signatures'),
			'aria-describedby': 'weir-check',
			'input': () => this.changed(),
			'scroll': () => this.paint()
		});
		/* A browser makes CRLF to LF; then that is what is edited. */
		this.area.value = text;
		this.saved = this.area.value;
		this.message = E('div', { 'id': 'weir-check', 'role': 'status', 'aria-live': 'polite', 'style': 'margin:.6em 0' });
		this.list = E('ul', { 'style': 'margin:.3em 0 1em' });
		this.saveButton = E('button', {
			'class': 'btn cbi-button cbi-button-apply important',
			'click': ui.createHandlerFn(this, 'handleWrite'),
			'disabled': ''
		}, [ _('Save') ]);
		this.undoButton = E('button', {
			'class': 'btn cbi-button cbi-button-reset',
			'click': ui.createHandlerFn(this, 'handleUndo'),
			'disabled': ''
		}, [ _('Back to what is saved') ]);

		window.addEventListener('beforeunload', ev => {
			if (this.area.isConnected && !this.isSaved())
				ev.preventDefault();
		});
		window.addEventListener('resize', () => this.paint());
		window.setTimeout(() => this.changed());

		return E([], [
			E('h2', [ _('Signatures') ]),
			E('div', { 'class': 'cbi-map-descr' }, [
				_('What apps are recognised by: one line an app. The head of the file explains the parts. It is checked by the daemon while you type, and saved only without a mistake.')
			]),
			E('div', { 'class': 'cbi-section' }, [
				E('div', { 'style': 'display:flex;height:60vh;min-height:16em;border:1px solid rgba(128,128,128,.5);border-radius:3px;overflow:hidden' }, [
					this.gutter,
					E('div', { 'style': 'position:relative;flex:1;min-width:0;margin-left:.4em' }, [ this.marks, this.area ])
				]),
				this.message,
				this.list,
				E('div', { 'style': 'display:flex;gap:.5em;flex-wrap:wrap' }, [ this.saveButton, this.undoButton ])
			])
		]);
	},

	handleSaveApply: null,
	handleSave: null,
	handleReset: null
});
