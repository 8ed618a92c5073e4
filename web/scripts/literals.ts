// Finds what a person would read in a source file, and is not in a catalog.
import ts from "typescript";

/** Attributes and properties whose text a person reads or hears. */
const READ =
  /^(label|title|description|placeholder|aria-label|alt|verb|reason|empty|lead|more|aside|error|formatTime|means|advice|comment|required|message|cell|of|validate|disabledReason)$/;
/** Functions that want names, patterns or code of their arguments. */
const NAMED =
  /^(can|quoted|matches|all|fetch|querySelector|querySelectorAll|addEventListener|removeEventListener|createElement|getElementById|getAttribute|setAttribute|startsWith|endsWith|includes|replace|replaceAll|split|join|useParams|register|permissionOf|createContext|page|import|error|formatTime|DateTimeFormat|test|exec|get|set|has)$/;
/** Names that are the same in every language. */
const NAMES = new Set(["SPECTRA-Lab", "UTC", "Esc"]);

export interface Literal {
  node: ts.JsxText | ts.StringLiteral | ts.NoSubstitutionTemplateLiteral | ts.TemplateExpression;
  text: string;
  line: number;
}

export function literalsOf(path: string, content: string): Literal[] {
  const file = ts.createSourceFile(path, content, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const found: Literal[] = [];
  const look = (node: ts.Node) => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    const text = textOf(node);
    if (
      text !== undefined &&
      /\p{L}/u.test(text) &&
      !NAMES.has(text.trim()) &&
      !/^[A-Z_]+$/.test(text) &&
      isRead(node, text)
    )
      found.push({
        node: node as Literal["node"],
        text,
        line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1,
      });
    ts.forEachChild(node, look);
  };
  look(file);
  return found;
}

/** Its words; for a template, those between what is put into it. */
function textOf(node: ts.Node): string | undefined {
  if (ts.isJsxText(node) || ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return [node.head, ...node.templateSpans.map((span) => span.literal)].map((part) => part.text).join("…");
  return undefined;
}

/** Whether a person reads it: where it stands says so, or else how it looks. */
function isRead(node: ts.Node, text: string): boolean {
  if (ts.isJsxText(node)) return true;
  for (let child = node, at = node.parent; at; child = at, at = at.parent) {
    if (ts.isThrowStatement(at) || ts.isNewExpression(at)) return false;
    if (ts.isBinaryExpression(at) && /^[!=]==?$|^in$/.test(at.operatorToken.getText())) return false;
    if (ts.isCaseClause(at) || (ts.isElementAccessExpression(at) && at.argumentExpression === child)) return false;
    if (ts.isPropertyAssignment(at) && at.name === child) return false;
    if (ts.isCallExpression(at) && at.expression !== child) {
      const called = ts.isPropertyAccessExpression(at.expression) ? at.expression.name.text : at.expression.getText();
      if (called === "unless") return true;
      if (NAMED.test(called) || called.endsWith("useCan()")) return false;
    }
    if (ts.isPropertyAssignment(at) && READ.test(nameOf(at))) return true;
    if (ts.isJsxAttribute(at)) return READ.test(nameOf(at));
    if (ts.isJsxExpression(at) && !ts.isJsxAttribute(at.parent)) return true;
    // What a method is called on, as `["light", "dark"].map(..)`, is not what comes of it.
    if (ts.isBlock(at) || (ts.isPropertyAccessExpression(at) && at.expression === child)) break;
  }
  return looksRead(text);
}

function nameOf(node: ts.PropertyAssignment | ts.JsxAttribute): string {
  return node.name.getText().replaceAll('"', "");
}

function looksRead(text: string): boolean {
  if (/ (AND|OR) |^[\w.]+ (asc|desc)$|[={}<>\\]|sans-serif|monospace/.test(text)) return false;
  return /\p{L}+,? \p{Ll}+/u.test(text) || /^\s*\p{Lu}\p{Ll}+\s*$/u.test(text);
}
