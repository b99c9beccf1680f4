/** Reads conditions on trials, in the language of `--where`, into trees; tests/where_cases.json defines it. */

const TOKEN = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|('(?:[^']|'')*')|("(?:[^"]|"")+")|([A-Za-z_][A-Za-z0-9_]*)|(<>|<=|>=|==|!=|[-+*/%()=<>,]))/y;
const WORDS = new Set(["and", "or", "not", "in", "between", "like", "is", "null", "true", "false", "none", "select", "case", "when", "then", "end", "exists"]);
const COMPARISONS = new Map([["=", "="], ["==", "="], ["!=", "!="], ["<>", "!="], ["<", "<"], ["<=", "<="], [">", ">"], [">=", ">="]]);
const DEEPEST = 200;

/** A condition that cannot be read, said in a sentence. */
export class Refused extends Error {}

/** Return the tree of a condition: nodes of `{kind, …}`, whose operands are nodes. */
export function readCondition(text) {
  const reader = new Reader(tokensOf(text));
  const tree = reader.condition();
  if (reader.next) throw unexpected(reader.next);
  return tree;
}

function tokensOf(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new Refused(`This cannot be read from here: ${text.slice(start).trim()}`);
    const after = text[TOKEN.lastIndex];
    if (match[1] && after && /[A-Za-z0-9_.]/.test(after)) throw new Refused(`${match[1]}${after} is no number`);
    tokens.push(tokenOf(match));
  }
  if (!tokens.length) throw new Refused("There is no condition");
  return tokens;
}

function tokenOf([, number, text, quoted, name, sign]) {
  if (number) return { kind: "number", value: Number(number), isWhole: /^\d+$/.test(number), told: number };
  if (text) return { kind: "text", value: text.slice(1, -1).replaceAll("''", "'"), told: text };
  if (quoted) return { kind: "name", value: quoted.slice(1, -1).replaceAll('""', '"'), isQuoted: true, told: quoted };
  if (name && WORDS.has(name.toLowerCase())) return { kind: name.toLowerCase(), told: name };
  return name ? { kind: "name", value: name, told: name } : { kind: sign, told: sign };
}

function unexpected(token) {
  if (!token) return new Refused("The condition ends too early");
  if (token.kind === "none" || token.kind === "null") return new Refused("What is missing is asked for by `is null`, `is not null`");
  return new Refused(`${token.told} cannot stand there`);
}

class Reader {
  #tokens;
  #place = 0;
  #depth = 0;

  constructor(tokens) {
    this.#tokens = tokens;
  }

  get next() {
    return this.#tokens[this.#place];
  }

  #take(...kinds) {
    return kinds.includes(this.next?.kind) ? this.#tokens[this.#place++] : null;
  }

  #need(...kinds) {
    const token = this.#take(...kinds);
    if (!token) throw unexpected(this.next);
    return token;
  }

  condition() {
    if (++this.#depth > DEEPEST) throw new Refused("The condition is nested too deeply");
    const tree = this.#chain(["or"], () => this.#chain(["and"], () => this.#negation()));
    this.#depth--;
    return tree;
  }

  #chain(kinds, operand) {
    let tree = operand();
    for (let sign; (sign = this.#take(...kinds)); ) {
      tree = { kind: sign.kind, operands: [tree, operand()] };
    }
    return tree;
  }

  #negation() {
    let isNot = 0;
    while (this.#take("not")) isNot++;
    const tree = this.#predicate();
    // Twice not is what it was, but a truth value it must be.
    return isNot ? { kind: "not", isEven: isNot % 2 === 0, operands: [tree] } : tree;
  }

  #predicate() {
    const left = this.#sum();
    const sign = this.#take(...COMPARISONS.keys());
    if (sign) {
      const right = this.#sum();
      if (COMPARISONS.has(this.next?.kind)) throw new Refused("Two comparisons are joined by `and`: 1 < x and x <= 3");
      return { kind: COMPARISONS.get(sign.kind), operands: [left, right] };
    }
    if (this.#take("is")) return this.#isNull(left);
    const not = this.#take("not");
    const tree = this.#membership(left);
    if (not && !tree) throw unexpected(this.next);
    return not ? { kind: "not", operands: [tree] } : (tree ?? left);
  }

  #isNull(left) {
    const not = this.#take("not");
    this.#need("null");
    const tree = { kind: "is null", operands: [left] };
    return not ? { kind: "not", operands: [tree] } : tree;
  }

  #membership(left) {
    if (this.#take("in")) return { kind: "in", operands: [left, ...this.#list()] };
    if (this.#take("like")) return { kind: "like", operands: [left], pattern: this.#need("text").value };
    if (!this.#take("between")) return null;
    const low = this.#sum();
    this.#need("and");
    const bounds = [[">=", low], ["<=", this.#sum()]];
    return { kind: "and", operands: bounds.map(([kind, bound]) => ({ kind, operands: [left, bound] })) };
  }

  #list() {
    this.#need("(");
    const items = [this.#listed()];
    while (this.#take(",")) items.push(this.#listed());
    this.#need(")");
    return items;
  }

  #listed() {
    const sign = this.#take("+", "-");
    const item = this.#literal();
    if (!item || (sign && item.type !== "integer" && item.type !== "float")) throw unexpected(this.next);
    return sign?.kind === "-" ? { ...item, value: -item.value } : item;
  }

  #sum() {
    return this.#chain(["+", "-"], () => this.#chain(["*", "/", "%"], () => this.#factor()));
  }

  #factor() {
    const sign = this.#take("+", "-");
    if (sign) {
      if (++this.#depth > DEEPEST) throw new Refused("The condition is nested too deeply");
      const operand = this.#factor();
      this.#depth--;
      return { kind: sign.kind === "-" ? "negative" : "positive", operands: [operand] };
    }
    if (this.#take("(")) {
      const tree = this.condition();
      this.#need(")");
      return tree;
    }
    const literal = this.#literal();
    if (literal) return literal;
    const name = this.#need("name");
    if (this.next?.kind === "(") throw new Refused(`${name.told}() is a function; \`sweep query\` has those`);
    return { kind: "column", name: name.value, isQuoted: Boolean(name.isQuoted) };
  }

  #literal() {
    const token = this.#take("number", "text", "true", "false");
    if (!token) return null;
    if (token.kind === "text") return { kind: "literal", type: "text", value: token.value };
    if (token.kind !== "number") return { kind: "literal", type: "truth", value: token.kind === "true" };
    return { kind: "literal", type: token.isWhole ? "integer" : "float", value: token.value };
  }
}
