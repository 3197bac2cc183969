// Browsers start no workers for pages that are opened as files. Search then runs in an iframe.
(() => {
  if (location.protocol !== "file:") return;
  class IFrameWorker extends EventTarget {
    constructor(url) {
      super();
      this.onmessage = null;
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      this.ready = new Promise((resolve) => {
        inside.__ready = resolve;
      });
      inside.__answer = (data) => {
        const event = new MessageEvent("message", { data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      inside.document.open();
      inside.document.write(
        "<html><body><script>" +
          "postMessage = (data) => __answer(data);" +
          "importScripts = (...urls) => urls.reduce((done, url) => done.then(() => new Promise((next) => {" +
          "const s = document.createElement('script'); s.src = url; s.onload = next;" +
          "document.body.append(s); })), Promise.resolve());" +
          "document.currentScript.remove();" +
          `<\/script><script src="${url}" onload="__ready()"><\/script></body></html>`,
      );
      inside.document.close();
    }
    postMessage(data) {
      this.ready.then(() => {
        this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      });
    }
    terminate() {
      this.frame.remove();
    }
  }
  window.IFrameWorker = IFrameWorker;
  window.Worker = IFrameWorker;
})();
