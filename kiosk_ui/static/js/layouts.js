// The letters of the on-screen keyboard, as they lie on the keyboards that people of each language know. Rows lie from
// left to right in every language, as keyboards do. Chinese is written with latin keys: a title may be in pinyin.

/** @type {Record<string, { small: string[], large: string[] }>} */
export const LAYOUTS = {
  en: {
    small: ["qwertyuiop", "asdfghjkl", "zxcvbnm'"],
    large: ["QWERTYUIOP", "ASDFGHJKL", 'ZXCVBNM"'],
  },
  fr: {
    small: ["azertyuiop", "qsdfghjklm", "wxcvbnéèàç'"],
    large: ["AZERTYUIOP", "QSDFGHJKLM", "WXCVBNÉÈÀÇ’"],
  },
  ar: {
    small: ["ضصثقفغعهخحج", "شسيبلاتنمكط", "ذءؤرىةوزظد"],
    large: ["\u064e\u064b\u064f\u064c\u0650\u064d\u0651\u0652؛،؟", "آأإئءؤىةـ«»", "٠١٢٣٤٥٦٧٨٩"],
  },
  ur: {
    small: ["قوعرتےءیہپ", "اسدفگحجکل", "زشچطبنم،۔"],
    large: ["\u0652\u0670ؤڑٹ\u064eئ\u0650ۃ\u064f", "آصڈ\u0651غھضخۂ", "ذژثظ؟ں\u0654؛"],
  },
};

/** What is the same in every language: figures, signs, and the letters of French that its own keys have no room for. */
export const SIGNS = ["1234567890()", "-–—:;,.!?/+=&%", "#«»âêîôûëïùœ"];
