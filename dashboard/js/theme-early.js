// Runs before the page is drawn, so that it does not flash in the other theme.
try {
  const theme = localStorage.getItem('seqd.theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system decides.
}
