// What helps where scripts run. Every page works without it.
const words = document.body.dataset;

// Show what was typed into a password field.
for (const input of document.querySelectorAll("input[type=password]")) {
  const label = document.querySelector(`label[for="${input.id}"]`)?.textContent ?? "";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? words.hide : words.show;
    button.setAttribute("aria-label", `${button.textContent}: ${label}`);
  };
  button.addEventListener("click", () => show(input.type === "password"));
  input.form?.addEventListener("submit", () => show(false));
  const peek = document.createElement("div");
  peek.className = "peek";
  input.replaceWith(peek);
  peek.append(input, button);
  show(false);
}

// Send a form once. The lock opens again after a while and when the page comes back from the history.
for (const form of document.querySelectorAll("form[method=post]")) {
  const open = () => delete form.dataset.sent;
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
    setTimeout(() => { open(); event.submitter?.removeAttribute("aria-busy"); }, 4000);
  });
  addEventListener("pageshow", open);
}

// Copy the reference number.
for (const line of document.querySelectorAll("[data-copyable]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain copy";
  button.textContent = words.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(line.querySelector("code").textContent);
    button.textContent = words.copied;
  });
  line.append(button);
}
