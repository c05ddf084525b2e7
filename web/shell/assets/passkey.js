// Passkeys: a button asks the server what to ask for, the browser's own dialog
// answers, and the answer is sent with the form that the button is in.
(() => {
  "use strict";
  const able = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON && navigator.credentials;
  for (const b of document.querySelectorAll("[data-passkey]")) {
    if (b.dataset.ready) continue; // a page may ask for this script more than once
    b.dataset.ready = "yes";
    b.hidden = !able;
    if (able) b.addEventListener("click", () => ask(b));
  }
  const tell = (b, text) => {
    let p = b.form.querySelector("[data-passkey-said]");
    if (!p) {
      p = document.createElement("p");
      p.className = "fault";
      p.dataset.passkeySaid = "";
      p.setAttribute("role", "alert");
      b.form.append(p);
    }
    p.textContent = text;
  };
  const ask = async (b) => {
    b.disabled = true;
    try {
      const answer = await fetch(b.dataset.at, { method: "POST", body: new URLSearchParams(new FormData(b.form)) });
      if (!answer.ok) throw new Error(answer.headers.get("Content-Type")?.startsWith("text/plain") ? await answer.text() : "This could not be done. Reload the page and try again.");
      const { ceremony, options } = await answer.json();
      const made = b.dataset.passkey === "make"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      const put = (name, value) => { (b.form.elements["_" + name] || b.form.elements[name]).value = value; };
      put("ceremony", ceremony);
      put("credential", JSON.stringify(made.toJSON()));
      b.form.submit();
    } catch (e) {
      tell(b, e.name === "NotAllowedError" ? "No passkey was given. Try again." : e.name === "InvalidStateError" ? "This device has a passkey of yours already." : e.message);
      b.disabled = false;
    }
  };
})();
