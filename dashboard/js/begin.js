// First the page is painted, then its programs come: they are many, and the styles and the first frame would wait for them.

{
  /** A page that nobody sees is not painted, and some browsers take long for the first frame. */
  const WAIT_MS = 2_000;
  /** Asking for all of them at once would be a long task itself. */
  const AT_A_TIME = 8;

  const programs = [...document.getElementById('programs').content.children];
  // Those that are put in place by others run as they come, but for this.
  for (const program of programs) if (program.localName === 'script') program.async = false;
  const more = () => {
    document.head.append(...programs.splice(0, AT_A_TIME));
    if (programs.length > 0) setTimeout(more);
  };
  let begun = false;
  const begin = () => {
    if (!begun) more();
    begun = true;
  };

  if (document.hidden) begin();
  // The second one comes after the first frame.
  requestAnimationFrame(() => requestAnimationFrame(begin));
  setTimeout(begin, WAIT_MS);
}
