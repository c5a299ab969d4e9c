// Counts the page's requests under way, which WebDriver does not tell. Runs before the page's own scripts where the
// browser lets us, and with the first look else. A request that takes longer than `POLL` is one that the site keeps open
// on purpose.
//
// A dialog would stop page and driver alike, and one after the other for ever: they are answered as `dismiss` answers.
{
    const POLL = 10000;
    const key = Symbol.for('trendy');
    if (!window[key]) {
        window.alert = () => undefined;
        window.confirm = () => false;
        window.prompt = () => null;
        const started = new Set();
        const watch = { last: performance.now(), busy: () => [...started].filter((one) => performance.now() - one.at < POLL).length };
        const begin = () => {
            const one = { at: performance.now() };
            started.add(one);
            watch.last = one.at;
            return () => {
                started.delete(one);
                watch.last = performance.now();
            };
        };
        const ask = window.fetch;
        window.fetch = function (...args) {
            const end = begin();
            return ask.apply(this, args).finally(end);
        };
        const send = XMLHttpRequest.prototype.send;
        XMLHttpRequest.prototype.send = function (...args) {
            this.addEventListener('loadend', begin(), { once: true });
            return send.apply(this, args);
        };
        // Images, scripts and what was asked for before the hooks: known once they have arrived.
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) watch.last = Math.max(watch.last, entry.responseEnd);
        }).observe({ type: 'resource', buffered: true });
        Object.defineProperty(window, key, { value: watch });
    }
}
