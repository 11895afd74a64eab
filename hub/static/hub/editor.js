/* The editor of files in the admin. Without JavaScript, the form has a plain text field. */
(function () {
  "use strict";

  const field = document.getElementById("id_text");
  if (!field || field.tagName !== "TEXTAREA") return;

  const path = document.getElementById("id_path");
  function mode() {
    if (/\.ya?ml$/i.test(path.value)) return "yaml";
    return /\.json$/i.test(path.value) ? { name: "javascript", json: true } : null;
  }

  const editor = CodeMirror.fromTextArea(field, {
    mode: mode(),
    lineNumbers: true,
    indentUnit: 2,
    inputStyle: "contenteditable", // screen readers read the text itself
    screenReaderLabel: "Text",
    spellcheck: false,
    extraKeys: { Tab: false, "Shift-Tab": false }, // the keyboard leaves the editor with Tab
  });
  const input = editor.getInputField();
  input.setAttribute("role", "textbox");
  input.setAttribute("aria-multiline", "true");
  path.addEventListener("change", () => editor.setOption("mode", mode()));
  document.querySelector("label[for=id_text]").addEventListener("click", () => editor.focus());

  /* Show each finding below its line. The list above the form leads to the line. */
  for (const item of document.querySelectorAll("[data-line]")) {
    const line = Math.min(Math.max(item.dataset.line - 1, 0), editor.lastLine());
    const note = document.createElement("div");
    note.className = `found-line found-line--${item.dataset.level}`;
    note.textContent = item.querySelector("span").textContent;
    editor.addLineWidget(line, note, { coverGutter: false, noHScroll: true });
    editor.addLineClass(line, "gutter", `found-line--${item.dataset.level}`);
    item.querySelector("a").addEventListener("click", (event) => {
      event.preventDefault();
      editor.focus();
      editor.setCursor(line, 0);
      editor.getWrapperElement().scrollIntoView({ block: "center" });
    });
  }

  /* Warn before unsaved text is lost. */
  let unsaved = document.querySelector("[data-unsaved]") !== null;
  const change = () => { unsaved = true; };
  editor.on("change", change);
  field.form.addEventListener("input", change);
  field.form.addEventListener("change", change);
  field.form.addEventListener("submit", () => { unsaved = false; });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
})();
