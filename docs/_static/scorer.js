/* How the search of the documentation ranks what it has found: pages for people before names in the
   code, and the modules inside the package behind everything else. */
var Scorer = {
  score: ([page, _title, _anchor, _description, score, _file]) => {
    if (page.startsWith("reference/modules/")) return score - 100;
    if (page.endsWith("index")) return score - 3;
    if (page === "explanations/architecture" || page === "format") return score - 2;
    if (/^(howto|explanations|tutorial|schemas|values)/.test(page)) return score + 4;
    return score;
  },
  objNameMatch: 6,
  objPartialMatch: 1,
  objPrio: { 0: 3, 1: 0, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
