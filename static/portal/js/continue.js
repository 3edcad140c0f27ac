/* A confirmed form goes on by itself; without script its button does. */
document.querySelector('form[data-pw-continue]')?.submit();
